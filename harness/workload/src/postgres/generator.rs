//! The source of every value: pure functions of seed, kind and number, so that any row can be made without the others.

use super::{awkward, profile::PostgresProfile, row::hex};
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

/// 2025-01-01T00:00:00Z in microseconds since 1970: the oldest moment an ordinary row carries, before the seed's shift.
const EPOCH_MICROS: i64 = 1_735_689_600_000_000;
const DAY_MICROS: u64 = 86_400_000_000;
/// The longest value of every database.
pub(super) const ONE_MIB: usize = 1 << 20;

/// Makes the values of one data set.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    pub(super) profile: PostgresProfile,
    seed: u64,
}

impl Generator {
    pub(super) fn new(profile: &PostgresProfile, seed: u64) -> Self {
        Self { profile: profile.raised(), seed }
    }

    fn hash(&self, kind: &str, n: u64) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes()).update(&n.to_le_bytes()).update(kind.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The identifier of the `n`-th `kind`, in the form of a version 4 UUID.
    pub(super) fn id(&self, kind: &str, n: u64) -> String {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&self.hash(kind, n)[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes);
        format!(
            "{}-{}-{}-{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..]
        )
    }

    /// The random numbers of the `n`-th `kind`.
    pub(super) fn draw(&self, kind: &str, n: u64) -> Draw {
        Draw(ChaCha8Rng::from_seed(self.hash(kind, n)))
    }

    /// Microseconds since 1970 of the `n`-th `kind`: within 90 days of the seed's epoch.
    pub(super) fn micros(&self, kind: &str, n: u64) -> i64 {
        let shift = (self.seed % 1_000) * 60_000_000;
        EPOCH_MICROS.saturating_add_unsigned(shift + self.draw(kind, n).below(90 * DAY_MICROS))
    }

    /// The same moment as the server reads it.
    pub(super) fn time(&self, kind: &str, n: u64) -> String {
        // The epoch plus 90 days lies within jiff's range.
        jiff::Timestamp::from_microsecond(self.micros(kind, n)).map(|t| t.to_string()).unwrap_or_default()
    }

    /// Every eighth value is one of `awkward::TIMES`, the others are ordinary.
    pub(super) fn any_time(&self, kind: &str, n: u64) -> String {
        match n % 8 {
            7 => pick(awkward::TIMES, n / 8).to_owned(),
            _ => self.time(kind, n),
        }
    }
}

/// The `n`-th of `list`, going round.
pub(super) fn pick<T: Copy>(list: &[T], n: u64) -> T {
    // The remainder is below the length, which fits.
    list[(n % list.len() as u64) as usize]
}

/// The `n`-th of `list`, with NULL as one more value of the round.
pub(super) fn pick_or_null<'a>(list: &[&'a str], n: u64) -> Option<&'a str> {
    let length = list.len() as u64;
    (n % (length + 1) < length).then(|| pick(list, n % (length + 1)))
}

/// A stream of random numbers.
#[derive(Debug)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// Below `bound`, which is at least 1. The bias of the remainder does not matter to test data.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// That many bytes, without a pattern a compressor could use.
    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Hex digits of that many random bytes.
    pub(super) fn digits(&mut self, length: usize) -> String {
        hex(&self.bytes(length))
    }

    /// A BPMN diagram of exactly `length` bytes, at least as long as its shortest form.
    pub(super) fn diagram(&mut self, length: usize) -> String {
        const OPEN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<bpmn:definitions \
            xmlns:bpmn=\"http://www.omg.org/spec/BPMN/20100524/MODEL\">\n  <bpmn:process id=\"P\" isExecutable=\"true\">\n";
        const CLOSE: &str = "  </bpmn:process>\n</bpmn:definitions>\n";
        let mut text = String::with_capacity(length + 256);
        text.push_str(OPEN);
        loop {
            let name = pick(awkward::TEXTS, self.below(awkward::TEXTS.len() as u64));
            let name = name.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            let task = format!(
                "    <bpmn:serviceTask id=\"Activity_{}\" name=\"{name}\" retries=\"{}\"/>\n",
                self.digits(4),
                self.below(9)
            );
            if text.len() + task.len() + CLOSE.len() > length {
                break;
            }
            text.push_str(&task);
        }
        while text.len() + CLOSE.len() < length {
            text.push(' ');
        }
        text.push_str(CLOSE);
        text
    }
}
