//! What `/proc` tells: which processes exist, whose they are, who listens on a port, how much memory is left.

use rustix::process::{Pid, Signal};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// One process, from `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// Start time in clock ticks since boot: with the pid it names a process for good.
    pub(crate) start_ticks: u64,
    /// Ended, but not yet reaped by its parent.
    ended: bool,
}

/// Reads one process; `None` if it is gone.
pub(crate) fn process(pid: u32) -> Option<Process> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Process> {
    // The command name may hold blanks and parentheses: fields are counted from its last parenthesis.
    let (head, tail) = text.rsplit_once(')')?;
    let pid = head.split_whitespace().next()?.parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X"),
    })
}

/// All processes that have not ended.
pub(crate) fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .filter(|p| !p.ended)
        .collect()
}

/// The members of `leader`'s process group and all their descendants. PostgreSQL's backends each lead a session of
/// their own, so the group alone misses them.
pub(crate) fn tree(leader: u32) -> Vec<Process> {
    let all = processes();
    let mut members: HashSet<u32> =
        all.iter().filter(|p| p.pid == leader || p.group == leader).map(|p| p.pid).collect();
    loop {
        let before = members.len();
        let children: Vec<u32> = all.iter().filter(|p| members.contains(&p.parent)).map(|p| p.pid).collect();
        members.extend(children);
        if members.len() == before {
            break;
        }
    }
    all.into_iter().filter(|p| members.contains(&p.pid)).collect()
}

/// Whether the same process (pid and start time) still runs.
pub(crate) fn is_running(process: &Process) -> bool {
    self::process(process.pid).is_some_and(|now| now.start_ticks == process.start_ticks && !now.ended)
}

/// Waits until all have ended; false if some still run after `limit`.
pub(crate) fn wait_ended(processes: &[Process], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while processes.iter().any(is_running) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// Sends a signal to one process, if it is still the same one.
pub(crate) fn signal(process: &Process, signal: Signal) {
    if is_running(process)
        && let Some(pid) = to_pid(process.pid)
    {
        // It may end between the look and the signal; then there is nothing to do.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Sends a signal to a process group.
pub(crate) fn kill_group(leader: u32, signal: Signal) {
    if let Some(pid) = to_pid(leader) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    // Never 0 or 1: those would reach our own group or everything.
    i32::try_from(pid).ok().filter(|p| *p > 1).and_then(Pid::from_raw)
}

/// Whether a process carries `NAME=value` in its environment. False where that cannot be read.
pub(crate) fn has_variable(pid: u32, assignment: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|bytes| bytes.split(|b| *b == 0).any(|entry| entry == assignment.as_bytes()))
}

/// Whether one of a process's arguments is a path at or below `directory`.
pub(crate) fn has_argument_below(pid: u32, directory: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|bytes| {
        bytes.split(|b| *b == 0).any(|a| Path::new(std::ffi::OsStr::from_bytes(a)).starts_with(directory))
    })
}

/// The process that listens on a TCP port of this machine: pid and program name, where `/proc` shows it.
pub(crate) fn listener(port: u16) -> Option<(u32, String)> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let wanted = format!("socket:[{inode}]");
    processes().into_iter().find_map(|p| {
        let holds = fs::read_dir(format!("/proc/{}/fd", p.pid))
            .ok()?
            .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
            .any(|link| link.as_os_str() == wanted.as_str());
        holds.then(|| (p.pid, name(p.pid)))
    })
}

fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        (local == port && *fields.get(3)? == LISTEN).then(|| fields.get(9)?.parse().ok())?
    })
}

/// Program name of a process, or `?`.
pub(crate) fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map_or_else(|_| "?".into(), |s| s.trim().to_owned())
}

/// Bytes of memory available to new processes, within the control group's limit.
pub(crate) fn memory_available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let machine = line.split_whitespace().next()?.parse::<u64>().ok()? * 1024;
    let number = |path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .and_then(|max| Some(max.saturating_sub(number("/sys/fs/cgroup/memory.current")?)));
    Some(group.map_or(machine, |g| g.min(machine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_parentheses_does_not_shift_the_fields() {
        let p = parse_stat(
            "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1 18446744073709551615",
        )
        .unwrap();
        assert_eq!((p.pid, p.parent, p.group, p.start_ticks, p.ended), (42, 7, 42, 987_654, false));
    }

    #[test]
    fn the_listener_of_a_port_is_this_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (pid, _) = listener(socket.local_addr().unwrap().port()).unwrap();
        assert_eq!(pid, std::process::id());
    }

    #[test]
    fn own_process_is_found_in_its_tree() {
        let me = std::process::id();
        assert!(tree(me).iter().any(|p| p.pid == me));
        assert!(is_running(&process(me).unwrap()));
    }
}
