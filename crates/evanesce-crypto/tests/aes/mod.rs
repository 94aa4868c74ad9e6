//! AES-256 (FIPS 197) and the field of GCM (SP 800-38D), written from the standards for tests
//! alone: what a key becomes inside a cipher, and ciphertexts that no honest sender makes. Its
//! time depends on its inputs.

/// The round keys, 15 of 16 bytes.
pub(crate) fn expand_key(key: &[u8], schedule: &mut [u8]) {
    schedule[..32].copy_from_slice(key);
    let mut constant = 1;
    for word in 8..60 {
        let mut next: [u8; 4] = std::array::from_fn(|byte| schedule[4 * word - 4 + byte]);
        if word % 8 == 0 {
            next.rotate_left(1);
        }
        if word % 4 == 0 {
            next = next.map(substitute);
        }
        if word % 8 == 0 {
            next[0] ^= constant;
            constant = double(constant);
        }
        for (byte, value) in next.into_iter().enumerate() {
            schedule[4 * word + byte] = schedule[4 * (word - 8) + byte] ^ value;
        }
    }
}

#[allow(dead_code, reason = "not every test that shares this encrypts")]
pub(crate) fn encrypt_block(key: &[u8], block: [u8; 16]) -> [u8; 16] {
    let mut schedule = [0; 240];
    expand_key(key, &mut schedule);
    let mut state = block;
    add(&mut state, &schedule[..16]);
    for round in 1..15 {
        let shifted: [u8; 16] =
            std::array::from_fn(|at| substitute(state[(at + 4 * (at % 4)) % 16]));
        state = shifted;
        if round < 14 {
            for column in state.as_chunks_mut::<4>().0 {
                let [a, b, c, d] = *column;
                let all = a ^ b ^ c ^ d;
                *column = [
                    a ^ all ^ double(a ^ b),
                    b ^ all ^ double(b ^ c),
                    c ^ all ^ double(c ^ d),
                    d ^ all ^ double(d ^ a),
                ];
            }
        }
        add(&mut state, &schedule[16 * round..16 * round + 16]);
    }
    state
}

/// The product in GCM's field, whose first bit is the constant term.
#[allow(dead_code, reason = "not every test that shares this multiplies")]
pub(crate) fn multiply(left: u128, right: u128) -> u128 {
    let (mut product, mut shifted) = (0, right);
    for bit in (0..128).rev() {
        if left >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = shifted >> 1 ^ if shifted & 1 == 1 { 0xE1 << 120 } else { 0 };
    }
    product
}

/// The inverse, by Fermat: the power of 2^128 - 2.
#[allow(dead_code, reason = "not every test that shares this divides")]
pub(crate) fn invert(element: u128) -> u128 {
    let (mut power, mut square) = (1 << 127, element);
    for _ in 1..128 {
        square = multiply(square, square);
        power = multiply(power, square);
    }
    power
}

fn add(state: &mut [u8; 16], key: &[u8]) {
    state.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
}

fn double(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1B }
}

/// The S-box: the inverse in the field of AES, then the affine map (FIPS 197, section 5.1.1).
fn substitute(byte: u8) -> u8 {
    let product = |left: u8, right: u8| {
        let (mut product, mut shifted) = (0, right);
        for bit in 0..8 {
            if left >> bit & 1 == 1 {
                product ^= shifted;
            }
            shifted = double(shifted);
        }
        product
    };
    let (mut inverse, mut square) = (1, byte);
    for _ in 1..8 {
        square = product(square, square);
        inverse = product(inverse, square);
    }
    let inverse: u8 = inverse;
    let turns = [1, 2, 3, 4].map(|turn| inverse.rotate_left(turn));
    turns.into_iter().fold(inverse, |sum, turned| sum ^ turned) ^ 0x63
}
