//! Why a member changed its state, one name per transition.

/// The disk is empty, or was never part of a view.
pub const BLANK: &str = "never was in a view with this disk: asks whether the group exists";
/// A majority of the others took note of the new disk.
pub const RECOVERED: &str = "a majority of the others knows the new disk: catches up";
/// Started again: what it said before may be more than its disk has.
pub const STARTED: &str = "started again: takes part only in a view that knows of it";
/// Every disk of the universe is empty.
pub const FOUNDING: &str = "every disk of the group is empty: gathers the first view";
/// A member of the view is dead, as far as can be told.
pub const SILENT: &str = "a member is silent: gathers a view without it";
/// A member holds up the rotation.
pub const SLOW: &str =
    "a member keeps everybody waiting for its turn: gathers a view with a rotation without it";
/// Somebody asks to be taken in.
pub const JOINER: &str = "a member has caught up: gathers a view with it";
/// The penalty of a slow member is over.
pub const FORGIVEN: &str = "a member that was slow keeps up: gathers a view with its turn";
/// Level, heard by a majority, and in no view.
pub const REJOIN: &str = "level, and outside of every view: gathers one";
/// Somebody gathers with a higher ballot.
pub const PROMISED: &str = "promised a newer ballot: stops in its view";
/// No majority can be heard.
pub const CUT_OFF: &str = "hears no majority: stops, and waits";
/// The others have a newer view.
pub const LEFT_BEHIND: &str = "the others are in a newer view: stops, and catches up";
/// The peers no longer have what is missing here.
pub const FAR_BEHIND: &str = "what is missing here is only in the peers' stores: takes a snapshot";
/// Nobody came to an end with this ballot.
pub const FAILED: &str = "the attempt at a view came to nothing: waits for another";
/// The view is known, what it begins with is being fetched.
pub const INSTALLING: &str = "a new view lists this member: fetches what it begins with";
/// Everything the view begins with is on this disk.
pub const INSTALLED: &str = "holds everything its view begins with: takes part";
/// What was recovered has another length here: somebody's disk lied.
pub const CONTRADICTED: &str = "what is here contradicts the new view: stays out";
