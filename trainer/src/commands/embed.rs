//! `embed`: embeddings for people with their own notebooks.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use shared::similarity::Embedding;

use crate::dataset::{Folder, ImageSource};
use crate::eval::benchmark::Benchmark;
use crate::eval::embed::embed;
use crate::models::bundles;
use crate::system::device;
use crate::system::device::Backend;
use crate::system::files::lines;
use crate::system::named::named;
use crate::system::npy;

/// The options of `embed`.
#[derive(Args)]
pub struct EmbedArgs {
    /// Embed with this bundle.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub what: Embedded,
    /// Write the array `[n, E]`, float32 with unit rows, into this file, and the names of its rows into the same name with
    /// `.txt`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Show no progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Compute on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
}

/// What is embedded.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Embedded {
    /// Embed the images of this folder, in order of their names.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Embed the captions of this text file, one per line (`-` reads standard input).
    #[arg(long, value_name = "FILE")]
    pub captions: Option<PathBuf>,
}

/// Writes an array of embeddings and the names of its rows.
///
/// # Errors
/// If nothing can be read or written, or the device fails.
pub fn run(args: &EmbedArgs) -> Result<()> {
    let (mut names, wanted) = match (&args.what.images, &args.what.captions) {
        (Some(folder), _) => images(folder)?,
        (None, Some(file)) => captions(file)?,
        (None, None) => bail!("name images by --images or captions by --captions"),
    };
    let device = device::open(args.device)?;
    let (_, engine) = bundles::load(&args.bundle, &device)?;
    let (mut embeddings, unreadable) = embed(&wanted, &[&engine], args.quiet)?;
    let embeddings = embeddings.remove(0);
    let mut rows: Vec<&Embedding> = Vec::new();
    if args.what.images.is_some() {
        for (id, why) in &unreadable {
            eprintln!("left out: {}: {why}", names[*id]);
        }
        let broken: Vec<usize> = unreadable.iter().map(|(id, _)| *id).collect();
        let readable: Vec<usize> = (0..names.len()).filter(|id| !broken.contains(id)).collect();
        rows.extend(readable.iter().map(|id| embeddings.image(*id)));
        names = readable.into_iter().map(|id| std::mem::take(&mut names[id])).collect();
    } else {
        let known = wanted.captions.iter().enumerate().map(|(id, text)| (text.as_str(), id));
        let known: std::collections::HashMap<&str, usize> = known.collect();
        rows.extend(names.iter().map(|name| embeddings.caption(known[name.as_str()])));
    }
    let failed = |path: &Path| format!("cannot write {}", path.display());
    let width = rows.first().map_or(0, |row| row.values().len());
    File::create(&args.out)
        .and_then(|file| npy::write(&mut BufWriter::new(file), width, rows.iter().map(|row| row.values())))
        .with_context(|| failed(&args.out))?;
    let list = args.out.with_extension("txt");
    std::fs::write(&list, names.iter().map(|name| format!("{name}\n")).collect::<String>())
        .with_context(|| failed(&list))?;
    println!("{} ([{}, {width}]) and {}", args.out.display(), rows.len(), list.display());
    Ok(())
}

/// The images of a folder in order of their names, folders before them included.
fn images(path: &Path) -> Result<(Vec<String>, Benchmark)> {
    let folder = Folder::open(path, &[])?;
    let mut named: Vec<(String, &Path)> = folder
        .images()
        .map(|file| (file.strip_prefix(path).unwrap_or(file).display().to_string(), file))
        .collect();
    if named.is_empty() {
        bail!("there are no images in {}", path.display());
    }
    named.sort();
    let mut wanted = Benchmark::default();
    for (_, file) in &named {
        wanted.image(ImageSource::File((*file).to_owned()));
    }
    Ok((named.into_iter().map(|(name, _)| name).collect(), wanted))
}

/// The lines of a file.
fn captions(path: &Path) -> Result<(Vec<String>, Benchmark)> {
    let lines = lines(path, "captions")?;
    let mut wanted = Benchmark::default();
    for line in &lines {
        wanted.caption(line);
    }
    Ok((lines, wanted))
}
