//! The sound of every recording: silence of the right length, as a WAV file.

/// One byte per sample in µ-law, 8000 samples per second, one channel.
const BYTES_PER_SECOND: usize = 8000;
const SILENCE: u8 = 0xff;
/// Longer recordings are cut: nobody listens to silence.
const MOST_SECONDS: usize = 60;

/// So many seconds of silence, a minute at most.
pub(crate) fn silence(seconds: u64) -> Vec<u8> {
    wav((seconds as usize).min(MOST_SECONDS) * BYTES_PER_SECOND)
}

fn wav(bytes: usize) -> Vec<u8> {
    let length = bytes as u32;
    let rate = BYTES_PER_SECOND as u32;
    let mut file = Vec::with_capacity(bytes + 58);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(length + 50).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&18u32.to_le_bytes());
    // Format 7 is µ-law; one channel.
    file.extend_from_slice(&[7, 0, 1, 0]);
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    // One byte per frame, eight bits per sample, no extension.
    file.extend_from_slice(&[1, 0, 8, 0, 0, 0]);
    // Formats other than PCM state how many samples there are.
    file.extend_from_slice(b"fact");
    file.extend_from_slice(&4u32.to_le_bytes());
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.resize(file.len() + bytes, SILENCE);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_the_file_add_up() {
        let file = wav(8000);
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((word(4), word(file.len() - 8004)), (file.len() - 8, 8000));
        assert_eq!(&file[file.len() - 8008..file.len() - 8004], b"data");
    }
}
