use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use imbl::OrdMap;

use super::{Case, Content, What, Who, case, changed};
use crate::measure::timed;

type Shared = Arc<[u8]>;

pub fn cases(content: &Rc<Content>) -> Vec<Case> {
    let map: OrdMap<Shared, Shared> = content
        .records
        .iter()
        .map(|record| -> (Shared, Shared) {
            (record.key.as_slice().into(), record.bytes.as_slice().into())
        })
        .collect();
    let first = map.clone();
    let live = Rc::new(RefCell::new(map));
    let snapshot = Rc::clone(&live);
    let content = Rc::clone(content);
    vec![
        case(What::Snapshot, Who::Imbl, move || Ok(timed(|| Ok(snapshot.borrow().clone()))?.1)),
        case(What::Restore, Who::Imbl, move || {
            let number = changed(&content);
            let key = content.keys[number].flat();
            live.borrow_mut().insert(key.into(), [0u8; 8].as_slice().into());
            let ((), time) = timed(|| {
                *live.borrow_mut() = first.clone();
                content.expect(live.borrow().get(key).map(|bytes| &**bytes), number)
            })?;
            Ok(time)
        }),
    ]
}
