//! Folders that were dropped on the page.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

/// The folders among what was dropped. They must be asked for before the event is over.
pub(super) fn folders(data: &DataTransfer) -> Vec<FileSystemDirectoryEntry> {
    let items = data.items();
    let entry = |at: u32| items.get(at)?.webkit_get_as_entry().ok().flatten();
    let is_folder = |entry: &FileSystemEntry| entry.is_directory();
    (0..items.length()).filter_map(entry).filter(is_folder).map(JsCast::unchecked_into).collect()
}

/// The files in a folder, in the order of their names, without hidden ones and those in folders within.
///
/// # Errors
/// If the browser does not give them.
pub(super) async fn files_in(folder: &FileSystemDirectoryEntry) -> Result<Vec<File>, JsValue> {
    let reader = folder.create_reader();
    let mut files = Vec::new();
    loop {
        // A browser gives a hundred at a time, and none in the end.
        let some =
            called_back(|done, failed| reader.read_entries_with_callback_and_callback(done, failed)).await?;
        let some: Array = some.unchecked_into();
        if some.length() == 0 {
            break;
        }
        for entry in some.iter() {
            let entry: FileSystemEntry = entry.unchecked_into();
            if entry.is_file() && !entry.name().starts_with('.') {
                let entry: FileSystemFileEntry = entry.unchecked_into();
                let file = called_back(|done, failed| {
                    entry.file_with_callback_and_callback(done, failed);
                    Ok(())
                });
                files.push(file.await?.unchecked_into::<File>());
            }
        }
    }
    files.sort_by_key(File::name);
    Ok(files)
}

/// What a function hands to its first callback.
async fn called_back(
    mut call: impl FnMut(&Function, &Function) -> Result<(), JsValue>,
) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |done, failed| {
        if let Err(error) = call(&done, &failed) {
            failed.call1(&JsValue::NULL, &error).ok();
        }
    });
    JsFuture::from(promise).await
}
