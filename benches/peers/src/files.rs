//! Files: a copy of one, from a server that is started for it by a client's command, timed from its start to its end.
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sendrec_measure::{Cores, Fallible, Load};

use crate::build::{Programs, installed};
use crate::catalogue::FILE_BYTES;
use crate::options::Options;
use crate::run::{Running, run_on, start_on};

pub(crate) const COPY: &str = "cp";
pub(crate) const NGINX: &str = "nginx and curl";
pub(crate) const SENDREC: &str = "sendrec get";
const SENDREC_RPC: &str = "sendrec get --rpc";
const RSYNC: &str = "rsync and its daemon";
const TFTP: &str = "tftp, 65,464-byte blocks";

/// The file, where it is served.
const FILE: &str = "served";
/// A server must be there after so long.
const READY: Duration = Duration::from_secs(10);

/// A way to copy the file.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    kind: Kind,
}

enum Kind {
    Copy,
    /// The command, and what `get` is told besides.
    Sendrec(PathBuf, Option<&'static str>),
    Nginx {
        server: PathBuf,
        client: PathBuf,
    },
    Rsync(PathBuf),
    Tftp {
        server: PathBuf,
        client: PathBuf,
    },
}

/// The file that is copied, and the ways to do it that there are here.
pub(crate) struct Files {
    root: PathBuf,
    target: PathBuf,
    checksum: u32,
    pub(crate) ways: Vec<Way>,
}

impl Files {
    /// In a folder of their own; and what is missing.
    pub(crate) fn new(
        options: &Options,
        programs: &mut Programs,
        folder: &Path,
    ) -> Fallible<(Self, Vec<String>)> {
        let root = folder.join("files");
        fs::create_dir(&root)?;
        let load = Load::new(FILE_BYTES);
        fs::write(root.join(FILE), &load.bytes)?;
        let mut ways = vec![Way { name: COPY, kind: Kind::Copy }];
        let mut left_out = Vec::new();
        let found: [(&str, Fallible<Kind>); 5] = [
            (SENDREC, programs.sendrec().map(|it| Kind::Sendrec(it, None)).map_err(Into::into)),
            (SENDREC_RPC, programs.sendrec().map(|it| Kind::Sendrec(it, Some("--rpc"))).map_err(Into::into)),
            (NGINX, pair("nginx", "curl").map(|(server, client)| Kind::Nginx { server, client })),
            (RSYNC, installed("rsync").map(Kind::Rsync)),
            (TFTP, pair("atftpd", "atftp").map(|(server, client)| Kind::Tftp { server, client })),
        ];
        for (name, kind) in found {
            match kind {
                Ok(kind) if options.wants(name) || [NGINX, SENDREC].contains(&name) => {
                    ways.push(Way { name, kind });
                }
                Ok(_) => {}
                Err(error) => left_out.push(format!("{name}: {error}")),
            }
        }
        Ok((Self { root, target: folder.join("copied"), checksum: load.checksum, ways }, left_out))
    }

    /// Copies it, and says how many seconds the client's command took.
    pub(crate) fn copy(&self, way: &Way, cores: Cores) -> Fallible<f64> {
        let _ = fs::remove_file(&self.target);
        let (_server, mut client) = self.prepare(way, cores.server)?;
        let begin = Instant::now();
        run_on(cores.client, &mut client)?;
        let seconds = begin.elapsed().as_secs_f64();
        let copied = fs::read(&self.target)?;
        if sendrec_measure::facts(&copied) == sendrec_measure::facts_of(FILE_BYTES as usize, self.checksum) {
            Ok(seconds)
        } else {
            Err("the copy is not the file".into())
        }
    }

    /// A server, and its client's command.
    fn prepare(&self, way: &Way, core: Option<usize>) -> Fallible<(Option<Running>, Command)> {
        match &way.kind {
            Kind::Copy => {
                let mut command = Command::new("cp");
                command.arg(self.root.join(FILE)).arg(&self.target);
                Ok((None, command))
            }
            Kind::Sendrec(program, option) => {
                let mut serve = Command::new(program);
                serve.arg("serve").arg("--root").arg(&self.root).stdout(Stdio::piped()).stderr(Stdio::null());
                let mut server = start_on(core, &mut serve)?;
                let mut said = String::new();
                let stdout = server.0.stdout.take().ok_or("no standard output")?;
                BufReader::new(stdout).read_line(&mut said)?;
                let address = said.trim().rsplit(' ').next().unwrap_or_default();
                let mut command = Command::new(program);
                command.args(["get", "--server", address]).args(option).arg(FILE).arg(&self.target);
                Ok((Some(server), command))
            }
            Kind::Nginx { server, client } => {
                let port = free_port()?;
                let server = self.nginx(server, port, core)?;
                let mut command = Command::new(client);
                command.args(["--silent", "--show-error", "--fail", "--output"]).arg(&self.target);
                command.arg(format!("http://127.0.0.1:{port}/{FILE}"));
                Ok((Some(server), command))
            }
            Kind::Rsync(program) => {
                let port = free_port()?;
                let text =
                    format!("use chroot = no\n[files]\npath = {}\nread only = yes\n", self.root.display());
                let configuration = self.write("rsyncd.conf", &text)?;
                let mut serve = Command::new(program);
                serve.args([
                    "--daemon",
                    "--no-detach",
                    "--address",
                    "127.0.0.1",
                    "--port",
                    &port.to_string(),
                ]);
                serve.arg("--config").arg(configuration).stdout(Stdio::null()).stderr(Stdio::null());
                let server = start_on(core, &mut serve)?;
                await_port(port)?;
                let mut command = Command::new(program);
                command.arg("--whole-file").arg(format!("rsync://127.0.0.1:{port}/files/{FILE}"));
                command.arg(&self.target);
                Ok((Some(server), command))
            }
            Kind::Tftp { server, client } => {
                let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
                let mut serve = Command::new(server);
                serve.args(["--daemon", "--no-fork", "--bind-address", "127.0.0.1", "--port"]);
                serve.arg(port.to_string()).arg(&self.root).stdout(Stdio::null()).stderr(Stdio::null());
                let server = start_on(core, &mut serve)?;
                await_bound(port)?;
                let mut command = Command::new(client);
                command.args(["--option", "blksize 65464", "--get", "--remote-file", FILE, "--local-file"]);
                command.arg(&self.target).args(["127.0.0.1", &port.to_string()]);
                Ok((Some(server), command))
            }
        }
    }

    /// One worker, which has the system copy.
    fn nginx(&self, program: &Path, port: u16, core: Option<usize>) -> Fallible<Running> {
        let folder = self.target.with_file_name("nginx");
        fs::create_dir_all(&folder)?;
        let (root, place) = (self.root.display(), folder.display());
        let text = format!(
            "daemon off; master_process off; worker_processes 1; pid {place}/pid; error_log {place}/error;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {place}/a;\n\
             proxy_temp_path {place}/b; fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;\n\
             server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
        );
        let configuration = self.write("nginx.conf", &text)?;
        let mut serve = Command::new(program);
        serve.arg("-c").arg(configuration).arg("-p").arg(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        let server = start_on(core, &mut serve)?;
        await_port(port)?;
        Ok(server)
    }

    fn write(&self, name: &str, text: &str) -> Fallible<PathBuf> {
        let place = self.target.with_file_name(name);
        fs::write(&place, text)?;
        Ok(place)
    }
}

fn pair(server: &str, client: &str) -> Fallible<(PathBuf, PathBuf)> {
    Ok((installed(server)?, installed(client)?))
}

/// Servers that cannot say which port they got are told one that was free.
fn free_port() -> Fallible<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn await_port(port: u16) -> Fallible<()> {
    await_that(|| TcpStream::connect(("127.0.0.1", port)).is_ok())
}

/// Somebody has the port, for UDP.
fn await_bound(port: u16) -> Fallible<()> {
    let wanted = format!(":{port:04X} ");
    await_that(|| fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.contains(&wanted)))
}

fn await_that(is_ready: impl Fn() -> bool) -> Fallible<()> {
    const PAUSE: Duration = Duration::from_millis(2);
    let begin = Instant::now();
    while !is_ready() {
        if begin.elapsed() > READY {
            return Err("its server does not come up".into());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
