//! A store in memory: for worlds, tests and demonstrations.
use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::message::Code;
use crate::name::Name;
use crate::store::{Attributes, Entry, FileKind, Filled, Store};

/// A file is at most so long, bytes: memory is bounded.
const FILE_BYTES_MAX: u64 = 1 << 30;

#[derive(Debug)]
enum Node {
    File(Vec<u8>),
    Directory,
}

/// Files and directories by their names' parts. The root is the empty list and always there.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<Vec<Vec<u8>>, Node>>);

fn key(name: Name<'_>) -> Vec<Vec<u8>> {
    name.parts().map(<[u8]>::to_vec).collect()
}

type Nodes = BTreeMap<Vec<Vec<u8>>, Node>;

fn file<'a>(nodes: &'a mut Nodes, name: Name<'_>) -> Result<&'a mut Vec<u8>, Code> {
    match nodes.get_mut(&key(name)) {
        Some(Node::File(bytes)) => Ok(bytes),
        Some(Node::Directory) => Err(Code::E_IS_DIRECTORY),
        None if name.is_root() => Err(Code::E_IS_DIRECTORY),
        None => Err(Code::E_NOT_FOUND),
    }
}

/// The directory that a new node would be in must exist.
fn check_parent(nodes: &Nodes, key: &[Vec<u8>]) -> Result<(), Code> {
    let Some((_, parent)) = key.split_last() else { return Err(Code::E_EXISTS) };
    match nodes.get(parent) {
        _ if parent.is_empty() => Ok(()),
        Some(Node::Directory) => Ok(()),
        Some(Node::File(_)) => Err(Code::E_NOT_DIRECTORY),
        None => Err(Code::E_NOT_FOUND),
    }
}

fn attributes(node: &Node) -> Attributes {
    match node {
        Node::File(bytes) => Attributes { kind: FileKind::File, size: bytes.len() as u64, modified: 0 },
        Node::Directory => Attributes { kind: FileKind::Directory, size: 0, modified: 0 },
    }
}

/// Whether anything is below `key`.
fn has_entries(nodes: &Nodes, key: &[Vec<u8>]) -> bool {
    nodes.keys().any(|other| other.len() > key.len() && other.starts_with(key))
}

fn insert(nodes: &mut Nodes, name: Name<'_>, node: Node) -> Result<(), Code> {
    let key = key(name);
    check_parent(nodes, &key)?;
    if nodes.contains_key(&key) {
        return Err(Code::E_EXISTS);
    }
    nodes.insert(key, node);
    Ok(())
}

impl Store for Memory {
    fn create(&self, name: Name<'_>) -> Result<(), Code> {
        insert(&mut self.0.lock(), name, Node::File(Vec::new()))
    }

    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        let mut nodes = self.0.lock();
        let bytes = file(&mut nodes, name)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buffer.len().min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(Filled::with(count))
    }

    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code> {
        let mut nodes = self.0.lock();
        let bytes = file(&mut nodes, name)?;
        let end = offset.checked_add(data.len() as u64).filter(|end| *end <= FILE_BYTES_MAX);
        let end = end.ok_or(Code::E_TOO_LARGE)? as usize;
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[end - data.len()..end].copy_from_slice(data);
        Ok(())
    }

    fn delete(&self, name: Name<'_>) -> Result<(), Code> {
        let mut nodes = self.0.lock();
        file(&mut nodes, name)?;
        nodes.remove(&key(name));
        Ok(())
    }

    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        if name.is_root() {
            return Ok(attributes(&Node::Directory));
        }
        self.0.lock().get(&key(name)).map(attributes).ok_or(Code::E_NOT_FOUND)
    }

    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        let nodes = self.0.lock();
        let directory = key(name);
        match nodes.get(&directory) {
            Some(Node::File(_)) => return Err(Code::E_NOT_DIRECTORY),
            None if !directory.is_empty() => return Err(Code::E_NOT_FOUND),
            _ => {}
        }
        let inside = nodes.iter().filter(|(key, _)| {
            key.len() == directory.len() + 1
                && key.starts_with(&directory)
                && &key[directory.len()][..] > after
        });
        let entry = |(key, node): (&Vec<Vec<u8>>, &Node)| Entry {
            name: key[directory.len()].clone(),
            attributes: attributes(node),
        };
        Ok(inside.take(count).map(entry).collect())
    }

    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code> {
        let mut nodes = self.0.lock();
        let (from, to) = (key(from), key(to));
        let is_directory = match nodes.get(&from) {
            None => return Err(if from.is_empty() { Code::E_BAD_NAME } else { Code::E_NOT_FOUND }),
            Some(node) => matches!(node, Node::Directory),
        };
        check_parent(&nodes, &to)?;
        if from == to {
            return Ok(());
        }
        if to.starts_with(&from) {
            return Err(Code::E_BAD_NAME);
        }
        match nodes.get(&to) {
            Some(Node::Directory) if !is_directory => return Err(Code::E_IS_DIRECTORY),
            Some(Node::File(_)) if is_directory => return Err(Code::E_NOT_DIRECTORY),
            Some(Node::Directory) if has_entries(&nodes, &to) => return Err(Code::E_NOT_EMPTY),
            _ => {}
        }
        let moved: Vec<_> = nodes.keys().filter(|key| key.starts_with(&from)).cloned().collect();
        for old in moved {
            if let Some(node) = nodes.remove(&old) {
                let new = to.iter().chain(&old[from.len()..]).cloned().collect();
                nodes.insert(new, node);
            }
        }
        Ok(())
    }

    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code> {
        let mut nodes = self.0.lock();
        let bytes = file(&mut nodes, name)?;
        if length > FILE_BYTES_MAX {
            return Err(Code::E_TOO_LARGE);
        }
        bytes.resize(length as usize, 0);
        Ok(())
    }

    fn make_directory(&self, name: Name<'_>) -> Result<(), Code> {
        insert(&mut self.0.lock(), name, Node::Directory)
    }

    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code> {
        let mut nodes = self.0.lock();
        let key = key(name);
        match nodes.get(&key) {
            None => Err(if key.is_empty() { Code::E_ACCESS } else { Code::E_NOT_FOUND }),
            Some(Node::File(_)) => Err(Code::E_NOT_DIRECTORY),
            Some(Node::Directory) if has_entries(&nodes, &key) => Err(Code::E_NOT_EMPTY),
            Some(Node::Directory) => {
                nodes.remove(&key);
                Ok(())
            }
        }
    }
}
