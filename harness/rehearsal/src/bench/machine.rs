//! Short probes of this machine: under a second, so that they can be taken before every run.

use drydock_estimate::Machine;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long each probe takes.
const EACH: Duration = Duration::from_millis(200);
/// Threads that a copy keeps busy at most.
const THREADS: usize = 4;
const MIB: usize = 1 << 20;

/// Measures. `folder` is where the disk is probed; a probe that fails is left out. Blocking.
pub fn measure(folder: &Path) -> Machine {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Machine {
        cores: cores as u64,
        memory_kib: line_of("/proc/meminfo", "MemTotal:")
            .and_then(|v| v.split_whitespace().next()?.parse().ok())
            .unwrap_or_default(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processor: line_of("/proc/cpuinfo", "model name")
            .map(|v| v.trim_start_matches([' ', '\t', ':']).trim().to_owned())
            .unwrap_or_default(),
        versions: std::collections::BTreeMap::new(),
        fsync_per_second: syncs(folder).ok(),
        loopback_mib_per_second: loopback().ok(),
        compute_mib_per_second: Some(compute(cores.min(THREADS))),
    }
}

/// What follows a word at the beginning of a line. Absent outside of Linux.
fn line_of(file: &str, word: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|l| l.strip_prefix(word)).map(ToOwned::to_owned)
}

/// A page, written and synced again and again.
fn syncs(folder: &Path) -> io::Result<f64> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!(".drydock-fsync-{}", std::process::id()));
    let probe = || -> io::Result<f64> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
        let (began, mut done) = (Instant::now(), 0.0);
        while began.elapsed() < EACH {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&[0x5a; 8192])?;
            file.sync_data()?;
            done += 1.0;
        }
        Ok(done / began.elapsed().as_secs_f64())
    };
    let rate = probe();
    std::fs::remove_file(&path)?;
    rate
}

/// One connection, one direction.
fn loopback() -> io::Result<f64> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    let (mut receiver, _) = listener.accept()?;
    let sending = std::thread::spawn(move || {
        let (began, block) = (Instant::now(), vec![0x5a_u8; 64 << 10]);
        // An error ends it: the receiver has gone, or will see the end.
        while began.elapsed() < EACH && sender.write_all(&block).is_ok() {}
    });
    let (began, mut received, mut block) = (Instant::now(), 0_usize, vec![0_u8; 64 << 10]);
    loop {
        match receiver.read(&mut block)? {
            0 => break,
            n => received += n,
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    // It has dropped its end, or there would have been none.
    let _ = sending.join();
    Ok(mib(received) / seconds)
}

/// All threads hash at once.
fn compute(threads: usize) -> f64 {
    let hash = || {
        let (began, block, mut hashed) = (Instant::now(), vec![0x5a_u8; MIB], 0_usize);
        while began.elapsed() < EACH {
            std::hint::black_box(blake3::hash(&block));
            hashed += MIB;
        }
        mib(hashed) / began.elapsed().as_secs_f64()
    };
    let running: Vec<_> = (0..threads).map(|_| std::thread::spawn(hash)).collect();
    running.into_iter().filter_map(|t| t.join().ok()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / MIB as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_itself_and_leaves_nothing_behind() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (once, again) = (measure(folder.path()), measure(folder.path()));
        assert!(once.is(&again), "{once:?} {again:?}");
        for rate in [once.fsync_per_second, once.loopback_mib_per_second, once.compute_mib_per_second] {
            assert!(rate.is_some_and(|r| r > 0.0), "{once:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
