//! Values drawn from a seed, and the check digits that the makers of numbers publish.

/// A source of values that is the same for the same seed (splitmix64).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((((z ^ (z >> 31)) >> 32) * u64::from(end)) >> 32).unwrap()
    }

    pub(crate) fn within(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to - from + 1)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(u32::try_from(from.len()).unwrap()) as usize]
    }

    /// Signs out of `from`.
    pub(crate) fn signs(&mut self, from: &str, count: usize) -> String {
        let from: Vec<char> = from.chars().collect();
        (0..count).map(|_| self.pick(&from)).collect()
    }

    /// Digits, the first of which is no zero.
    pub(crate) fn digits(&mut self, count: usize) -> Vec<u32> {
        (0..count).map(|i| if i == 0 { self.within(1, 9) } else { self.below(10) }).collect()
    }

    /// `head`, and digits after it up to `count` in all; the first of all is no zero unless
    /// `head` says so.
    pub(crate) fn after(&mut self, head: &str, count: usize) -> Vec<u32> {
        let mut all = if head.is_empty() { self.digits(1) } else { parsed(head) };
        while all.len() < count {
            all.push(self.below(10));
        }
        all
    }

    /// A year between 1940 and 1999, a month, a day that each month has.
    pub(crate) fn birth(&mut self) -> (u32, u32, u32) {
        (self.within(1940, 1999), self.within(1, 12), self.within(1, 28))
    }

    /// Draws until there is a number that has a check digit.
    pub(crate) fn until<T>(&mut self, mut draw: impl FnMut(&mut Self) -> Option<T>) -> T {
        loop {
            if let Some(drawn) = draw(self) {
                return drawn;
            }
        }
    }
}

/// The digits of a text.
pub(crate) fn parsed(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

pub(crate) fn text(digits: &[u32]) -> String {
    digits.iter().map(|d| char::from_digit(*d, 10).unwrap()).collect()
}

/// The number that the digits write.
pub(crate) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |n, d| n * 10 + u64::from(*d))
}

/// The digits with one more.
pub(crate) fn with(mut digits: Vec<u32>, check: u32) -> Vec<u32> {
    digits.push(check);
    digits
}

/// Puts digits where a mask has `d`; what else it has stays.
pub(crate) fn masked(mask: &str, digits: &[u32]) -> String {
    let mut digits = digits.iter();
    let place =
        |c| if c == 'd' { char::from_digit(*digits.next().unwrap(), 10).unwrap() } else { c };
    let made: String = mask.chars().map(place).collect();
    assert!(digits.next().is_none(), "{mask}");
    made
}

/// The sum of products, digit by digit.
pub(crate) fn dot(digits: &[u32], weights: &[u32]) -> u32 {
    assert_eq!(digits.len(), weights.len());
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// The sum of products, each taken as the sum of its digits.
pub(crate) fn crossed(digits: &[u32], weights: &[u32]) -> u32 {
    assert_eq!(digits.len(), weights.len());
    digits.iter().zip(weights).map(|(d, w)| d * w / 10 + d * w % 10).sum()
}

/// What makes a sum a multiple of ten.
pub(crate) const fn to_ten(sum: u32) -> u32 {
    (10 - sum % 10) % 10
}

/// The check digit by Luhn (ISO/IEC 7812-1) for digits that it follows.
pub(crate) fn luhn(digits: &[u32]) -> u32 {
    let doubled = |(i, d): (usize, &u32)| if i % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { *d };
    to_ten(digits.iter().rev().enumerate().map(doubled).sum())
}

/// The check digit of ISO/IEC 7064 MOD 11,10.
pub(crate) fn mod_11_10(digits: &[u32]) -> u32 {
    let step = |p: u32, d: &u32| {
        let s = (p + d) % 10;
        (if s == 0 { 10 } else { s }) * 2 % 11
    };
    (11 - digits.iter().fold(10, step)) % 10
}

/// The check digit by Verhoeff (1969), by the operations of the dihedral group.
pub(crate) fn verhoeff(digits: &[u32]) -> u32 {
    const TURN: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let turned = |d: u32, times: usize| {
        (0..times % 8).fold(d, |d, _| u32::try_from(TURN[d as usize]).unwrap())
    };
    let sum = digits.iter().rev().enumerate().fold(0, |c, (i, d)| product(c, turned(*d, i + 1)));
    if sum < 5 { (5 - sum) % 5 } else { sum }
}

/// The check digit modulo 11, counted from 11, or `None` where it would be ten; eleven is zero.
pub(crate) fn from_eleven(sum: u32) -> Option<u32> {
    match (11 - sum % 11) % 11 {
        10 => None,
        check => Some(check),
    }
}

/// The remainder by 97 of digits and letters, where A is ten (ISO/IEC 7064 MOD 97-10).
pub(crate) fn mod_97(text: &str) -> u32 {
    text.chars().fold(0, |rest, c| {
        let worth = c.to_digit(36).unwrap();
        (rest * if worth > 9 { 100 } else { 10 } + worth) % 97
    })
}

/// The place of a sign in its alphabet.
pub(crate) fn place(alphabet: &str, sign: char) -> u32 {
    u32::try_from(alphabet.chars().position(|c| c == sign).unwrap()).unwrap()
}

pub(crate) fn sign(alphabet: &str, place: u32) -> char {
    alphabet.chars().nth(place as usize).unwrap()
}

/// The check digit by weights of 7, 3 and 1 (ICAO 9303), where A is ten.
pub(crate) fn icao(text: &str) -> u32 {
    let weighed = |(i, c): (usize, char)| c.to_digit(36).unwrap() * [7, 3, 1][i % 3];
    text.chars().enumerate().map(weighed).sum::<u32>() % 10
}
