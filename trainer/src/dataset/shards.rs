//! Tar files of images and captions, as WebDataset and img2dataset write them, on this machine or behind HTTP or S3.
//!
//! A shard is read through once, front to back, when it is opened: what stands where is remembered, images are not. From
//! then on each image is a range of bytes that is read when it is shown, so a set may be larger than memory and disk, and
//! still every image is at hand by its number, in an order that is new every epoch.

mod scan;

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use object_store::{ObjectStore, ObjectStoreExt};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shared::seed;
use tokio::runtime::Runtime;
use tokio_util::io::{StreamReader, SyncIoBridge};
use url::Url;

use crate::system::atomic_file;
pub use scan::{Contents, scan};

/// Whether a source of data is shards: the name of a tar file, or several with `{000..011}` in it.
pub fn is_shards(data: &str) -> bool {
    data.to_lowercase().ends_with(".tar")
}

/// What is kept of a shard between runs.
#[derive(Serialize, Deserialize)]
struct Index {
    address: String,
    /// What the store says of this version of it.
    version: String,
    contents: Contents,
}

/// A tar file that can be read at any place.
#[derive(Debug)]
pub struct Shard {
    /// As it was named.
    pub address: String,
    store: Box<dyn ObjectStore>,
    path: object_store::path::Path,
    runtime: Arc<Runtime>,
}

/// Opens shards and reads through each of them. `index` is a folder where what was found is kept for the runs to come.
///
/// # Errors
/// If one is not there, or the connection to it fails.
pub fn open(addresses: &[String], index: Option<&Path>) -> Result<Vec<(Arc<Shard>, Contents)>> {
    let runtime = Runtime::new().context("cannot start the threads that wait for shards")?;
    let runtime = Arc::new(runtime);
    let each: Vec<Vec<String>> = addresses.iter().map(|address| expand(address)).collect::<Result<_>>()?;
    let shards = each.into_par_iter().flatten().map(|address| {
        let shard = Shard::open(address, Arc::clone(&runtime))?;
        let contents =
            shard.contents(index).with_context(|| format!("cannot read the shard {}", shard.address))?;
        Ok((Arc::new(shard), contents))
    });
    shards.collect()
}

/// The names that braces stand for: `a-{08..10}.tar` is three, with as many digits as the first number has.
fn expand(data: &str) -> Result<Vec<String>> {
    let Some((before, rest)) = data.split_once('{') else { return Ok(vec![data.to_owned()]) };
    let numbers = || {
        let (numbers, behind) = rest.split_once('}')?;
        let (first, last) = numbers.split_once("..")?;
        let range = first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?;
        (!range.is_empty()).then_some((first.len(), range, behind))
    };
    let Some((digits, range, behind)) = numbers() else {
        bail!("{data} is not understood; several shards are written as name-{{000..011}}.tar");
    };
    Ok(range.map(|number| format!("{before}{number:0digits$}{behind}")).collect())
}

impl Shard {
    fn open(address: String, runtime: Arc<Runtime>) -> Result<Self> {
        let url = match Url::parse(&address) {
            Ok(url) if matches!(url.scheme(), "http" | "https" | "s3" | "s3a") => url,
            _ => {
                let path =
                    std::fs::canonicalize(&address).with_context(|| format!("cannot open {address}"))?;
                Url::from_file_path(path).map_err(|()| anyhow::anyhow!("cannot open {address}"))?
            }
        };
        // Credentials and the region of S3 are where Amazon's own programs look for them, too.
        let mut options: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("AWS_"))
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect();
        if url.scheme() == "http" {
            options.push(("allow_http".to_owned(), "true".to_owned()));
        }
        let (store, path) = object_store::parse_url_opts(&url, options)
            .with_context(|| format!("{address} cannot be understood as the address of a shard"))?;
        Ok(Shard { address, store, path, runtime })
    }

    /// Bytes of the shard.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let bytes = self.runtime.block_on(self.store.get_range(&self.path, range));
        Ok(bytes.with_context(|| format!("cannot read {}", self.address))?.into())
    }

    /// What is in the shard: as it was kept in a folder, or as it is found now.
    fn contents(&self, folder: Option<&Path>) -> Result<Contents> {
        let meta = self.runtime.block_on(self.store.head(&self.path))?;
        let version = format!("{} bytes, {}, {:?}", meta.size, meta.last_modified, meta.e_tag);
        let kept = folder.map(|folder| folder.join(format!("{:016x}.json", seed::of_text(&self.address))));
        if let Some(path) = kept.as_deref().filter(|path| path.exists()) {
            let json = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let index: Index = serde_json::from_slice(&json).with_context(|| {
                format!("{} is damaged; remove it, and it will be made again", path.display())
            })?;
            if index.address == self.address && index.version == version {
                return Ok(index.contents);
            }
        }
        let stream = self.runtime.block_on(self.store.get(&self.path))?.into_stream();
        let bridge = SyncIoBridge::new_with_handle(StreamReader::new(stream), self.runtime.handle().clone());
        let mut source = Watched { inner: bridge, failed: None };
        let contents = scan(&mut source);
        if let Some(error) = source.failed {
            bail!("the connection failed: {error}");
        }
        let index = Index { address: self.address.clone(), version, contents };
        if let (Some(folder), Some(path)) = (folder, kept) {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            atomic_file::write(&path, serde_json::to_vec(&index)?)?;
        }
        Ok(index.contents)
    }
}

/// A reader that tells a failing source from a file that is wrong.
struct Watched<R> {
    inner: R,
    failed: Option<String>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| self.failed = Some(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::scan::tests::{image, tar_of};
    use super::*;

    #[test]
    fn braces_stand_for_several_shards() {
        assert_eq!(expand("a/b.tar").expect("one"), ["a/b.tar"]);
        assert_eq!(expand("b-{08..10}.tar").expect("three"), ["b-08.tar", "b-09.tar", "b-10.tar"]);
        for wrong in ["b-{}.tar", "b-{1..x}.tar", "b-{3..1}.tar", "b-{1..2.tar"] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }

    /// Serves a file over HTTP, whole or in ranges, until the process ends. Returns its address.
    fn serve(bytes: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address =
            format!("http://{}/some%20folder/a-{{0..0}}.tar", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).expect("a request") == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                let request = String::from_utf8(request).expect("a request").to_lowercase();
                let range = request.split("range: bytes=").nth(1).map(|rest| {
                    let (first, rest) = rest.split_once('-').expect("a range");
                    let last = rest.split("\r\n").next().expect("a line");
                    (first.parse::<usize>().expect("a number"), last.parse::<usize>().expect("a number"))
                });
                let (status, part, more) = match range {
                    Some((first, last)) => (
                        "206 Partial Content",
                        &bytes[first..=last],
                        format!("Content-Range: bytes {first}-{last}/{}\r\n", bytes.len()),
                    ),
                    None => ("200 OK", &bytes[..], String::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}ETag: \"1\"\r\n\
                     Last-Modified: Mon, 02 Jan 2023 00:00:00 GMT\r\nConnection: close\r\n\r\n",
                    part.len()
                );
                stream.write_all(head.as_bytes()).expect("a head");
                if !request.starts_with("head") {
                    stream.write_all(part).expect("a body");
                }
            }
        });
        address
    }

    #[test]
    fn shards_are_read_over_http_and_on_the_next_run_only_what_is_shown() {
        let bytes = image(3);
        let archive = tar_of(&[("a.png", &bytes), ("a.txt", b"a dog")]);
        let address = serve(archive);
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..2 {
            let shards = open(std::slice::from_ref(&address), Some(folder.path())).expect("a shard");
            let [(shard, Contents { samples, broken: None })] = &shards[..] else { panic!("{shards:?}") };
            assert_eq!(samples.len(), 1);
            assert_eq!(shard.read(samples[0].range.clone()).expect("bytes"), bytes);
        }
        let kept: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(kept.len(), 1, "what was found is kept");
    }

    #[test]
    fn shards_that_are_not_there_are_refused_by_name() {
        for missing in ["nowhere-{0..1}.tar", "http://127.0.0.1:1/a.tar", "s3://"] {
            let error = format!("{:#}", open(&[missing.to_owned()], None).expect_err("nothing is there"));
            assert!(error.contains(missing.split('{').next().expect("a beginning")), "{error}");
        }
    }
}
