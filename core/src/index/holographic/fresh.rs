//! What changed since the base was written, in memory: states with all of their tokens, and which are gone.

use std::collections::HashMap;

use super::best::Best;
use super::recall::jaccard;
use super::{Match, StateId, Token};

/// Changes, the last one of each state.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// Where a state stands that was put; `None` when it was removed.
    places: HashMap<StateId, Option<u32>>,
    states: Vec<(StateId, Vec<Token>)>,
    /// Places that are free.
    free: Vec<u32>,
    /// The places of the states that have a token.
    having: HashMap<Token, Vec<u32>>,
}

impl Fresh {
    /// Puts a state, or removes it.
    pub(super) fn change(&mut self, state: StateId, tokens: Option<Vec<Token>>) {
        self.forget(state);
        let place = tokens.map(|tokens| {
            let place = self.free.pop().unwrap_or(self.states.len() as u32);
            tokens.iter().for_each(|token| self.having.entry(*token).or_default().push(place));
            let put = (state, tokens);
            match self.states.get_mut(place as usize) {
                Some(freed) => *freed = put,
                None => self.states.push(put),
            }
            place
        });
        self.places.insert(state, place);
    }

    fn forget(&mut self, state: StateId) {
        let Some(Some(place)) = self.places.remove(&state) else { return };
        for token in std::mem::take(&mut self.states[place as usize].1) {
            let Some(places) = self.having.get_mut(&token) else { continue };
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.having.remove(&token);
            }
        }
        self.free.push(place);
    }

    /// Whether the state was put or removed here: what the base says of it counts no longer.
    pub(super) fn has_changed(&self, state: StateId) -> bool {
        self.places.contains_key(&state)
    }

    /// How many states were put or removed.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The states that were put.
    pub(super) fn states(&self) -> impl Iterator<Item = (StateId, &[Token])> {
        let places = self.places.values().flatten();
        places.map(|place| {
            let (state, tokens) = &self.states[*place as usize];
            (*state, tokens.as_slice())
        })
    }

    /// Adds those that are most like a cue of different tokens.
    pub(super) fn recall(&self, cue: &[Token], exact: bool, best: &mut Best) {
        let mut counts = vec![0u32; self.states.len()];
        for place in cue.iter().filter_map(|token| self.having.get(token)).flatten() {
            counts[*place as usize] += 1;
        }
        for ((state, tokens), shared) in self.states.iter().zip(counts) {
            let (state, shared, state_tokens) = (*state, shared as usize, tokens.len());
            let similarity = jaccard(shared, state_tokens, cue.len());
            if shared > 0 && best.would_take(similarity) {
                best.offer(Match { state, shared, state_tokens, similarity, exact });
            }
        }
    }
}
