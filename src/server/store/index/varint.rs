//! Numbers of as few bytes as they need, as the index keeps its lists: seven bits a byte, the lowest
//! first, all bytes but the last with the highest bit set. Pure.

/// Appends a number.
pub(super) fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Takes a number off the front; `None` if there is none.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u64::from(first));
    }
    let mut number = 0;
    for (n, &byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * n);
        if byte < 0x80 {
            *bytes = &bytes[n + 1..];
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken(numbers in proptest::collection::vec((0..63u32, any::<u64>()), 0..50)) {
            let numbers: Vec<u64> = numbers.into_iter().map(|(bits, number)| number >> (63 - bits) >> 1).collect();
            let mut bytes = Vec::new();
            numbers.iter().for_each(|&number| put(number, &mut bytes));
            let mut left = bytes.as_slice();
            for number in numbers {
                prop_assert_eq!(take(&mut left), Some(number));
            }
            prop_assert_eq!(take(&mut left), None);
        }

        #[test]
        fn bytes_of_anything_do_no_harm(bytes in any::<Vec<u8>>()) {
            let mut left = bytes.as_slice();
            while take(&mut left).is_some() {}
        }
    }

    #[test]
    fn a_number_without_an_end_is_none() {
        assert_eq!(take(&mut [0x80].as_slice()), None);
        assert_eq!(take(&mut [0xff; 20].as_slice()), None);
        let mut out = Vec::new();
        put(u64::from(u32::MAX), &mut out);
        assert_eq!(out.len(), 5);
    }
}
