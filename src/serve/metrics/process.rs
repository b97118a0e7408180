//! What the process takes, as Linux tells it; zero where it tells nothing.

use std::path::Path;

/// What the process takes now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Bytes of memory.
    pub memory: f64,
    /// Seconds of processors since its start.
    pub cpu: f64,
    /// Open files.
    pub files: i64,
    /// Threads.
    pub threads: i64,
}

/// Looks.
pub fn look() -> Now {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_matches([':', ' ', '\t']).split(' ').next()?.parse().ok()).unwrap_or(0.0)
    };
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    Now {
        memory: number("VmRSS") * 1024.0,
        cpu: cpu(),
        files: i64::try_from(files).unwrap_or(0),
        threads: number("Threads") as i64,
    }
}

fn cpu() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Bytes of the files in a folder and below it, bounded in depth.
pub fn size_of(folder: &Path) -> f64 {
    fn sum(folder: &Path, depth: u8) -> u64 {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        let size = |entry: std::fs::DirEntry| match entry.metadata() {
            Ok(meta) if meta.is_dir() && depth > 0 => sum(&entry.path(), depth - 1),
            Ok(meta) if meta.is_file() => meta.len(),
            _ => 0,
        };
        entries.flatten().map(size).sum()
    }
    sum(folder, 4) as f64
}

/// Bytes that are free for us where a folder is.
pub fn free_at(folder: &Path) -> f64 {
    rustix::fs::statvfs(folder).map_or(0.0, |stat| stat.f_bavail as f64 * stat.f_frsize as f64)
}
