//! Which item of the marketplace: a category and a number.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_CATEGORY;

/// A category, 0 to [`MAX_CATEGORY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Category(u8);

/// A number that is no category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a category is 0 to {MAX_CATEGORY}")]
pub struct CategoryError;

impl TryFrom<u8> for Category {
    type Error = CategoryError;
    fn try_from(number: u8) -> Result<Self, CategoryError> {
        if number > MAX_CATEGORY { Err(CategoryError) } else { Ok(Category(number)) }
    }
}

impl From<Category> for u8 {
    fn from(category: Category) -> u8 {
        category.0
    }
}

/// Names one item, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId {
    /// Its category.
    pub category: Category,
    /// Unique, whatever the category.
    pub id: u64,
}

impl ItemId {
    /// Nine bytes that name it in the keys of rows: the category, and the number in big-endian.
    pub(crate) fn key(self) -> [u8; 9] {
        let mut key = [self.category.0; 9];
        key[1..].copy_from_slice(&self.id.to_be_bytes());
        key
    }

    /// The item that [`ItemId::key`] named so.
    pub(crate) fn from_key(key: &[u8]) -> Option<ItemId> {
        let (&category, id) = key.split_first()?;
        let category = Category::try_from(category).ok()?;
        Some(ItemId { category, id: u64::from_be_bytes(id.try_into().ok()?) })
    }
}

impl std::fmt::Display for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.category.0, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_one_digit() {
        assert!(Category::try_from(9).is_ok());
        assert_eq!(Category::try_from(10), Err(CategoryError));
        assert!(postcard::from_bytes::<Category>(&[10]).is_err(), "reading one checks it");
    }

    #[test]
    fn keys_name_items_and_nothing_else_does() {
        let item = ItemId { category: Category(3), id: 17 };
        assert_eq!(ItemId::from_key(&item.key()), Some(item));
        for key in [&[][..], &[3], &[3; 8], &[3; 10], &[10, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(ItemId::from_key(key), None, "{key:?}");
        }
    }
}
