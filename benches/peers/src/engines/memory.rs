use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use imbl::OrdMap;

use super::{Engine, Kept, Scanned, compare_all};
use crate::Result;
use crate::measure::anonymous_bytes;
use crate::records::{self, Content, Key, Value};

/// The map of the standard library. A state of it that is kept is a copy.
pub struct StdMap {
    map: Rc<BTreeMap<Box<[u8]>, Value>>,
    bytes: u64,
}

impl Engine for StdMap {
    const NAME: &'static str = "BTreeMap";
    const DURABLE: bool = false;
    const SHARES: bool = false;
    type View = Rc<BTreeMap<Box<[u8]>, Value>>;

    fn create(_folder: &Path) -> Result<StdMap> {
        Ok(StdMap { map: Rc::default(), bytes: 0 })
    }

    fn load(&mut self, records: u64, content: Content) -> Result<()> {
        let before = anonymous_bytes()?;
        let map = Rc::make_mut(&mut self.map);
        records::each(records, content, |key, value| {
            map.insert(key.flat().into(), *value);
            Ok::<(), std::convert::Infallible>(())
        })?;
        self.bytes = anonymous_bytes()?.saturating_sub(before);
        Ok(())
    }

    fn stored_bytes(&self) -> Result<u64> {
        Ok(self.bytes)
    }

    fn view(&mut self) -> Result<Self::View> {
        Ok(Rc::clone(&self.map))
    }

    fn get(view: &Self::View, key: &Key) -> Result<Option<usize>> {
        Ok(view.get(key.flat()).map(|value| value.len()))
    }

    fn scan(view: &Self::View, environment: u64) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        let from = records::prefix(environment).into_boxed_slice();
        let to = records::prefix(environment + 1).into_boxed_slice();
        view.range(from..to).for_each(|(key, value)| scanned.add(key, value));
        Ok(scanned)
    }

    fn diff(before: &Self::View, after: &Self::View) -> Result<u64> {
        compare_all(before.iter().map(Ok), after.iter().map(Ok))
    }

    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        let map = Rc::make_mut(&mut self.map);
        for (key, value) in changes {
            map.insert(key.flat().into(), *value);
        }
        Ok(())
    }

    fn keep(&mut self, _folder: &Path) -> Result<Option<Kept>> {
        Ok(Some(Box::new(BTreeMap::clone(&self.map))))
    }

    fn reopen(_folder: &Path, _key: &Key) -> Result<Option<usize>> {
        Ok(None)
    }
}

/// A map whose copies share what is equal.
pub struct Imbl {
    map: OrdMap<Arc<[u8]>, Value>,
    bytes: u64,
}

impl Engine for Imbl {
    const NAME: &'static str = "imbl";
    const DURABLE: bool = false;
    const SHARES: bool = false;
    type View = OrdMap<Arc<[u8]>, Value>;

    fn create(_folder: &Path) -> Result<Imbl> {
        Ok(Imbl { map: OrdMap::new(), bytes: 0 })
    }

    fn load(&mut self, records: u64, content: Content) -> Result<()> {
        let before = anonymous_bytes()?;
        records::each(records, content, |key, value| {
            self.map.insert(key.flat().into(), *value);
            Ok::<(), std::convert::Infallible>(())
        })?;
        self.bytes = anonymous_bytes()?.saturating_sub(before);
        Ok(())
    }

    fn stored_bytes(&self) -> Result<u64> {
        Ok(self.bytes)
    }

    fn view(&mut self) -> Result<Self::View> {
        Ok(self.map.clone())
    }

    fn get(view: &Self::View, key: &Key) -> Result<Option<usize>> {
        Ok(view.get(key.flat()).map(|value| value.len()))
    }

    fn scan(view: &Self::View, environment: u64) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        let from: Arc<[u8]> = records::prefix(environment).into();
        let to: Arc<[u8]> = records::prefix(environment + 1).into();
        view.range(from..to).for_each(|(key, value)| scanned.add(key, value));
        Ok(scanned)
    }

    fn diff(before: &Self::View, after: &Self::View) -> Result<u64> {
        Ok(before.diff(after).count() as u64)
    }

    fn change(&mut self, changes: &[(Key, Value)]) -> Result<()> {
        for (key, value) in changes {
            self.map.insert(key.flat().into(), *value);
        }
        Ok(())
    }

    fn keep(&mut self, _folder: &Path) -> Result<Option<Kept>> {
        Ok(Some(Box::new(self.map.clone())))
    }

    fn reopen(_folder: &Path, _key: &Key) -> Result<Option<usize>> {
        Ok(None)
    }
}
