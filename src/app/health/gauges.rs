//! What this process and what is kept take: processor, memory, files. Linux tells; elsewhere the figures are missing.

use std::path::Path;
use std::time::Duration;

use super::super::App;

/// Figures of a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Processor time of this process since it began.
    pub cpu: Option<Duration>,
    /// Memory of this process that is in use, bytes.
    pub memory: Option<u64>,
    /// Its threads.
    pub threads: Option<u64>,
    /// Memory of the machine that is used, and all of it, bytes.
    pub machine: Option<(u64, u64)>,
    /// The machine's load over a minute, hundredths, and its processors.
    pub load: Option<(u64, u64)>,
    /// The room that is used where the store lies, and all of it, bytes.
    pub disk: Option<(u64, u64)>,
}

/// What the folders take, which is slower to find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The database with its journal, bytes.
    pub store: u64,
    /// Large outputs, bytes.
    pub outputs: u64,
    /// Everything that can be made or fetched again, bytes.
    pub cache: u64,
}

/// Looks now.
pub fn gauges(app: &App) -> Gauges {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = |text: &str, name: &str| field(text, name).map(|k| k * 1024);
    let whole = kilobytes(&machine, "MemTotal:");
    let free = kilobytes(&machine, "MemAvailable:");
    let disk = rustix::fs::statvfs(&app.paths.data).ok().map(|stat| {
        let whole = stat.f_blocks.saturating_mul(stat.f_frsize);
        (whole.saturating_sub(stat.f_bavail.saturating_mul(stat.f_frsize)), whole)
    });
    Gauges {
        cpu: cpu_time(),
        memory: kilobytes(&status, "VmRSS:"),
        threads: field(&status, "Threads:"),
        machine: whole.zip(free).map(|(whole, free)| (whole.saturating_sub(free), whole)),
        load: load(),
        disk,
    }
}

/// Measures the folders.
pub fn kept(app: &App) -> Kept {
    let data = app.paths.data.join("store.db");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let journal = size(&data.with_extension("db-wal")) + size(&data.with_extension("db-shm"));
    Kept {
        store: size(&data) + journal,
        outputs: super::records::size_of(&app.outputs()),
        cache: super::records::size_of(&app.paths.cache),
    }
}

/// The first number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn cpu_time() -> Option<Duration> {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(clock.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(clock.tv_nsec).ok()?))
}

fn load() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let minute: f64 = text.split_whitespace().next()?.parse().ok()?;
    let processors = std::thread::available_parallelism().ok()?.get() as u64;
    Some(((minute * 100.0) as u64, processors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let text = "VmPeak:\t  900 kB\nVmRSS:\t  123 kB\nThreads:\t7\n";
        assert_eq!((field(text, "VmRSS:"), field(text, "Threads:"), field(text, "Vm:")), (Some(123), Some(7), None));
    }
}
