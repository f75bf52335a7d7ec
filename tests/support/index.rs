//! An index of packages on this machine, which allows what it gives to be kept, as the public ones do.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// It answers until it is dropped.
pub(crate) struct Index {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Index {
    /// Serves the wheels of a folder.
    pub(crate) fn serve(folder: &Path) -> Index {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let (folder, is_over) = (folder.to_path_buf(), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // Whoever asked may have gone.
                let _ = stream.and_then(|stream| answer(stream, &folder));
            }
        });
        Index { address, ends, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple", self.address)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default().trim_matches('/');
    let found = match path.split_once('/') {
        Some(("simple", name)) => Some(("text/html", list(folder, name))),
        Some(("files", name)) => {
            fs::read(folder.join(name)).ok().map(|bytes| ("application/octet-stream", bytes))
        }
        _ => None,
    };
    let Some((kind, body)) = found else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nETag: \"{path}\"\r\n\
         Cache-Control: max-age=365000000, immutable, public\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The page of one project.
fn list(folder: &Path, project: &str) -> Vec<u8> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let of_project = files.map(name).filter(|file| file.split('-').next() == Some(project));
    of_project
        .map(|file| format!("<a href=\"/files/{file}\">{file}</a>\n"))
        .collect::<String>()
        .into()
}
