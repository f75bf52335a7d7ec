//! A snapshot as one run of bytes that may leave this machine: names and passwords in URLs are left out.

use std::collections::HashSet;

use super::layout::{FILES, INSTANCE, Tag};
use super::{Error, Kept};
use crate::environments::EnvironmentId;
use crate::environments::backup::without_secrets;
use crate::index::fractal::{ContextTree, Tree, Value};
use crate::snapshot::Image;

/// The image of a snapshot; with `only`, of these environments alone, and of nothing else in it.
pub fn image(kept: &Kept, only: Option<&HashSet<EnvironmentId>>) -> Result<Vec<u8>, Error> {
    let mut fresh = ContextTree::in_memory(kept.tree().salt());
    let all = fresh.adopt(kept.tree())?;
    if only.is_none() {
        fresh.restore(&all)?;
    }
    for (id, state) in super::environments(&all)? {
        if only.is_some_and(|only| !only.contains(&id)) {
            continue;
        }
        if only.is_some() {
            fresh.put_tree(&super::record::place(&id.0), state.tree())?;
        }
        for (path, bytes) in with_secrets(state.tree())? {
            let [environments, own] = super::record::place(&id.0);
            let path: Vec<&[u8]> =
                [environments, own].into_iter().chain(path.iter().map(Vec::as_slice)).collect();
            let weight = bytes.len() as u64;
            fresh.put(&path, &Value { weight, ..Value::of(Tag::Content as u16, &bytes) })?;
        }
    }
    Ok(Image::export(&fresh.seal()?)?)
}

/// Compares every block of an image with its checksum.
pub fn check(bytes: Vec<u8>) -> Result<(), Error> {
    Image::of(bytes)?.check()?;
    Ok(())
}

/// A path below a tree, and what is to stand there.
type Written = (Vec<Vec<u8>>, Vec<u8>);

/// Contents of files that have secrets in them, without those.
fn with_secrets(state: &Tree) -> Result<Vec<Written>, Error> {
    let mut found = Vec::new();
    for part in [FILES, INSTANCE] {
        let Some(tree) = state.subtree(&[part])? else { continue };
        tree.walk(&mut |path, value| {
            let kept = without_secrets(value.bytes);
            if value.tag == Tag::Content as u16 && kept != value.bytes {
                let path = [part].into_iter().chain(path.iter().copied());
                found.push((path.map(<[u8]>::to_vec).collect(), kept.into_owned()));
            }
            Ok(())
        })?;
    }
    Ok(found)
}
