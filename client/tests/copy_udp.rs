//! Copies over UDP: by the library between two nodes whose packets are harmed, and by the command, as a person uses it.
mod support;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sendrec::Files;
use sendrec::copy::{self, FromFile, ToFile, Watch};
use sendrec_fileserver::{Directory, serve};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::{LocalId, Process, SpawnOptions};
use support::{Server, names_in, noise, stderr};

const PATIENCE: Duration = Duration::from_secs(120);

fn node(faults: &str) -> Node {
    Node::boot(NodeConfig { faults: Some(faults.parse().unwrap()), ..NodeConfig::default() }).unwrap()
}

#[test]
fn files_come_back_between_nodes_that_harm_what_they_send() {
    let (near, far) = (
        node("loss=0.1,duplicate=0.05,reorder=0.05,seed=1"),
        node("loss=0.1,duplicate=0.05,reorder=0.05,seed=2"),
    );
    let (root, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Directory::open(root.path()).unwrap();
    let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
    let server = Process::spawn(&far, well_known).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| serve(&server, &store));
        let bytes = noise((3 << 20) + 777, 3);
        fs::write(local.path().join("up"), &bytes).unwrap();
        let from = File::open(local.path().join("up")).unwrap();
        let to = File::create(local.path().join("down")).unwrap();
        let mut files = Files::new(&near, server.address(), PATIENCE).unwrap();
        let (never, mut last) = (AtomicBool::new(false), 0);
        let mut progress = |bytes| {
            assert!(bytes >= last, "it went back");
            last = bytes;
        };
        let mut watch = Watch { progress: &mut progress, stop: &never };
        let source = &mut FromFile::new(&from).unwrap();
        copy::put(&mut files, source, "up", b"file", 1, &mut watch).unwrap();
        assert_eq!(last, bytes.len() as u64);
        let mut ignore = |_| {};
        let mut watch = Watch { progress: &mut ignore, stop: &never };
        copy::get(&mut files, b"file", 0, None, &mut ToFile::new(&to), "down", &mut watch).unwrap();
        assert!(fs::read(root.path().join("file")).unwrap() == bytes);
        assert!(fs::read(local.path().join("down")).unwrap() == bytes);
        drop(files);
        far.shut_down();
    });
}

/// What Linux says of a process.
#[cfg(target_os = "linux")]
fn status(child: &Child, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}

/// The most memory the process has ever had, KiB.
#[cfg(target_os = "linux")]
fn memory_kib_max(child: &Child) -> u64 {
    status(child, "VmHWM:").trim_end_matches(" kB").parse().unwrap()
}

/// Whether it has something to do at a signal but to die.
#[cfg(target_os = "linux")]
fn catches(child: &Child, signal: Signal) -> bool {
    let caught = u64::from_str_radix(&status(child, "SigCgt:"), 16).unwrap();
    caught >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn a_file_of_four_gibibytes_with_holes_comes_back_with_them_in_little_memory() {
    const LENGTH: u64 = 4 << 30;
    let local = tempfile::tempdir().unwrap();
    let path = |name: &str| local.path().join(name).to_str().unwrap().to_owned();
    let (up, down) = (path("up"), path("down"));
    let file = File::create(&up).unwrap();
    let data = noise(40 << 20, 4);
    // Enough that it would be seen if it were all held at once.
    let places = [(0, 20 << 20), (1 << 30, 40 << 20), ((3 << 30) + 12_345, 10 << 20)];
    for (place, length) in places {
        file.write_all_at(&data[..length], place).unwrap();
    }
    file.set_len(LENGTH).unwrap();
    let server = Server::start(&[]);
    server.ok(&["put", &up, "file"]);
    server.ok(&["get", "file", &down]);
    for copy in [server.path("file"), down.into()] {
        let (copy, stored) = (File::open(&copy).unwrap(), file.metadata().unwrap().blocks());
        assert_eq!(copy.metadata().unwrap().len(), LENGTH);
        let mut buffer = vec![1; 1 << 20];
        for (place, length) in places {
            let mut all = vec![0; length];
            copy.read_exact_at(&mut all, place).unwrap();
            assert!(all == data[..length], "wrong at {place}");
            copy.read_exact_at(&mut buffer, place + length as u64).unwrap();
            assert!(buffer.iter().all(|byte| *byte == 0), "data behind {place}");
        }
        // Where the file had holes, so has its copy, but for the edges.
        if stored * 512 < 128 << 20 {
            assert!(copy.metadata().unwrap().blocks() <= stored + 1_024);
        }
    }
    #[cfg(target_os = "linux")]
    assert!(memory_kib_max(&server.child) < 64 << 10, "{} KiB", memory_kib_max(&server.child));
}

/// Attributes of devices announce a page and are a few bytes long: files that are shorter when they are read.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_shorter_than_it_announced_is_copied_and_this_is_said() {
    const SHORT: &str = "/sys/class/net/lo/mtu";
    let Ok(text) = fs::read(SHORT) else { return };
    let announced = fs::metadata(SHORT).unwrap().len();
    assert!(announced > text.len() as u64);
    let server = Server::start(&[]);
    let said = format!("shorter than announced: {} of {announced} bytes", text.len());
    let put = server.run(&["put", SHORT, "copy"]);
    assert_eq!(put.status.code(), Some(1));
    assert!(stderr(&put).contains(&format!("{SHORT}: {said}")), "{}", stderr(&put));
    assert_eq!(server.files(), ["copy"]);
    assert_eq!(fs::read(server.path("copy")).unwrap(), text);

    let there = Server::start_at(Path::new("/sys/class/net/lo"), &["--read-only"]);
    let local = tempfile::tempdir().unwrap();
    let here = local.path().join("here");
    let get = there.run(&["get", "mtu", here.to_str().unwrap()]);
    assert_eq!(get.status.code(), Some(1));
    assert!(stderr(&get).contains(&format!("mtu: {said}")), "{}", stderr(&get));
    assert_eq!(names_in(local.path()), ["here"]);
    assert_eq!(fs::read(&here).unwrap(), text);
}

#[test]
fn an_interrupted_get_leaves_nothing() {
    let local = tempfile::tempdir().unwrap();
    // The file is announced, and nothing of it comes.
    let server = Server::start(&["--fault", "drop=REP#2.."]);
    fs::write(server.path("file"), noise(3 << 20, 5)).unwrap();
    let get = server
        .command(&["get", "file"])
        .arg(local.path().join("file"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while names_in(local.path()).is_empty() {
        thread::yield_now();
    }
    kill_process(Pid::from_child(&get), Signal::INT).unwrap();
    let output = get.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(names_in(local.path()).is_empty(), "{:?}", names_in(local.path()));
}

fn pipe_in(directory: &Path) -> PathBuf {
    let pipe = directory.join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    pipe
}

#[test]
fn a_pipe_is_written_to_and_stays() {
    let local = tempfile::tempdir().unwrap();
    let bytes = noise(300_000, 6);
    let server = Server::start(&[]);
    fs::write(server.path("file"), &bytes).unwrap();
    let pipe = pipe_in(local.path());
    let get = server.command(&["get", "file"]).arg(&pipe).spawn().unwrap();
    let mut came = Vec::new();
    File::open(&pipe).unwrap().read_to_end(&mut came).unwrap();
    assert!(get.wait_with_output().unwrap().status.success());
    assert!(came == bytes);
    assert_eq!(names_in(local.path()), ["pipe"]);
}

/// Nobody ever reads: it would wait for ever.
#[cfg(target_os = "linux")]
#[test]
fn a_get_that_waits_for_the_reader_of_a_pipe_can_be_stopped() {
    let local = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    fs::write(server.path("file"), "x").unwrap();
    let pipe = pipe_in(local.path());
    let get = server.command(&["get", "file"]).arg(&pipe).stderr(Stdio::piped()).spawn().unwrap();
    while !catches(&get, Signal::INT) {
        thread::yield_now();
    }
    kill_process(Pid::from_child(&get), Signal::INT).unwrap();
    let output = get.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(names_in(local.path()), ["pipe"]);
}
