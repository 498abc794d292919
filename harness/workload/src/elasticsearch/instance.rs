//! Process instances: the thread that ties documents of different indices together. Every trait of an instance follows
//! from its key and the seed, so that any index can be written without having seen another one.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::layout::{Age, PARTITIONS, day};

/// Elements that one instance has in every index that lists them.
pub(super) const ELEMENTS: u64 = 5;
/// Variables that one instance has in every index that lists them.
pub(super) const VARIABLES: u64 = 3;

const FIRST_COUNTER: u64 = 685_000;
const COHORT_SPAN: u64 = 4_000_000_000;
const KEYS_PER_INSTANCE: u64 = 64;

/// A Camunda key: partition in the upper bits, a counter in the lower 51.
pub(super) const fn key(partition: u64, counter: u64) -> i64 {
    // Partitions stay below 2^12, so the sign bit is never reached.
    ((partition << 51) | counter) as i64
}

/// Spreads the bits of a number; equal input gives equal output on every machine.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A deployed process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// (element id, element type).
    pub(super) elements: [(&'static str, &'static str); ELEMENTS as usize],
}

macro_rules! process {
    ($id:literal, $name:literal, $a:literal, $b:literal, $c:literal) => {
        Process {
            id: $id,
            name: $name,
            elements: [
                ("start", "START_EVENT"),
                ($a, "SERVICE_TASK"),
                ($b, "USER_TASK"),
                ($c, "EXCLUSIVE_GATEWAY"),
                ("end", "END_EVENT"),
            ],
        }
    };
}

/// The deployed processes. Names hold what people type: umlauts, quotes, an emoji, right-to-left text.
pub(super) static PROCESSES: [Process; 12] = [
    process!("order-process", "Order Handling", "charge-card", "check-order", "in-stock"),
    process!(
        "invoice-process",
        "Invoice \"fast lane\"",
        "scan-invoice",
        "approve-invoice",
        "amount-over-limit"
    ),
    process!("kyc-check", "KYC Prüfung ✓", "query-register", "review-person", "risk-level"),
    process!("claim-intake", "Schadensmeldung / Straße", "classify-claim", "call-customer", "is-covered"),
    process!("loan-request", "Kreditantrag", "score-applicant", "sign-contract", "score-high-enough"),
    process!("onboarding", "Onboarding 🚀 Team", "create-account", "welcome-talk", "is-remote"),
    process!("refund", "Refund <b>&amp;</b> credit", "book-refund", "confirm-refund", "is-partial"),
    process!("shipment", "Expédition — étape nº 2", "print-label", "hand-over", "is-express"),
    process!("subscription", "订阅续订", "renew-licence", "contact-customer", "has-discount"),
    process!("support-case", "\u{202b}תמיכה\u{202c} Support", "find-agent", "answer-case", "is-urgent"),
    process!("travel-request", "Travel\trequest", "book-flight", "approve-travel", "is-abroad"),
    process!("warranty", "Garantía \\ devolución", "check-serial", "inspect-item", "is-in-time"),
];

/// State of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// Running.
    Active,
    /// Ended normally.
    Completed,
    /// Ended by an operator.
    Canceled,
}

impl InstanceState {
    /// As Operate writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// One process instance.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) key: i64,
    pub(super) partition: u64,
    pub(super) state: InstanceState,
    /// Milliseconds since 1970.
    pub(super) started: i64,
    /// Milliseconds since 1970, where it has ended.
    pub(super) ended: Option<i64>,
    /// Sixty-four bits from which every further trait is taken.
    pub(super) traits: u64,
}

impl Instance {
    /// The instance with that number among those of one set of indices and one day.
    pub(super) fn numbered(seed: u64, cohort: u64, age: Age, number: u64) -> Self {
        let partition = number % PARTITIONS + 1;
        let counter = FIRST_COUNTER + cohort * COHORT_SPAN + number / PARTITIONS * KEYS_PER_INSTANCE;
        let key = key(partition, counter);
        let traits = mix(seed ^ mix(key.unsigned_abs()));
        let millis = |days: u32| {
            let start = day(days).to_zoned(TimeZone::UTC).map(|z| z.timestamp().as_millisecond());
            // A day of this century always has a first moment in UTC.
            start.unwrap_or_default()
        };
        let of_day = (traits >> 8) as i64 & 0x03ff_ffff; // up to 18.6 hours
        let (state, started, ended) = match age {
            Age::Live => (InstanceState::Active, millis((traits % 9) as u32) + of_day, None),
            Age::Days(days) => {
                let ended = millis(days) + 3_600_000 + of_day;
                let state =
                    if traits.is_multiple_of(7) { InstanceState::Canceled } else { InstanceState::Completed };
                (state, ended - 40_000 - (traits >> 40) as i64, Some(ended))
            }
        };
        Self { key, partition, state, started, ended, traits }
    }

    /// An instance that the live writer makes; it started at `started`. A finished one ended within the minute after.
    pub(super) fn live(key: i64, partition: u16, state: InstanceState, started: Timestamp) -> Self {
        let started = started.as_millisecond();
        let traits = mix(key.unsigned_abs());
        let ended = (state != InstanceState::Active).then_some(started + (traits % 60_000) as i64);
        Self { key, partition: partition.into(), state, started, ended, traits }
    }

    pub(super) fn process(&self) -> &'static Process {
        &PROCESSES[self.process_number()]
    }

    pub(super) fn process_number(&self) -> usize {
        (self.traits >> 16) as usize % PROCESSES.len()
    }

    pub(super) fn process_version(&self) -> i64 {
        (self.traits >> 24) as i64 % 4 + 1
    }

    pub(super) fn definition_key(&self) -> i64 {
        definition_key(self.process_number() as u64)
    }

    /// Key of something that belongs to the instance: elements are 1 to 5, everything else counts from 16.
    pub(super) fn sub_key(&self, number: u64) -> i64 {
        self.key + (number % KEYS_PER_INSTANCE) as i64
    }

    pub(super) fn has_incident(&self) -> bool {
        self.state == InstanceState::Active && self.traits.is_multiple_of(11)
    }

    /// One instance in eight was called by another one.
    pub(super) fn parent(&self) -> Option<i64> {
        (self.traits % 8 == 3).then_some(self.key - 64 * PARTITIONS as i64)
    }
}

/// Key of a deployed definition. Definitions are made on partition 1 and distributed to the others.
pub(super) fn definition_key(number: u64) -> i64 {
    key(1, 5_000 + number * 3)
}

/// How a component writes a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateStyle {
    /// `2026-11-21T01:45:06.956+0000`
    Offset,
    /// `2026-11-21T01:45:06.956Z`
    Zulu,
}

/// A point in time in text.
pub(super) fn date_text(millis: i64, style: DateStyle) -> String {
    let time =
        TimeZone::UTC.to_datetime(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH));
    let zone = if style == DateStyle::Offset { "+0000" } else { "Z" };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{zone}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}
