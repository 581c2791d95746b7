//! Words for bytes that are hard to mishear: the PGP word list of Juola and Zimmermann (1995).
//!
//! Each byte has a word of two and a word of three syllables. Alternating between both lists reveals words
//! that are missing, doubled or swapped.

/// The words of two syllables, used for even positions.
pub(crate) const TWO_SYLLABLES: &str = "\
    aardvark absurd accrue acme adrift adult afflict ahead aimless algol allow alone ammo \
    ancient apple artist assume athens atlas aztec baboon backfield backward banjo beaming \
    bedlamp beehive beeswax befriend belfast berserk billiard bison blackjack blockade \
    blowtorch bluebird bombast bookshelf brackish breadline breakup brickyard briefcase \
    burbank button buzzard cement chairlift chatter checkup chisel choking chopper christmas \
    clamshell classic classroom cleanup clockwork cobra commence concert cowbell crackdown \
    cranky crowfoot crucial crumpled crusade cubic dashboard deadbolt deckhand dogsled dragnet \
    drainage dreadful drifter dropper drumbeat drunken dupont dwelling eating edict egghead \
    eightball endorse endow enlist erase escape exceed eyeglass eyetooth facial fallout \
    flagpole flatfoot flytrap fracture framework freedom frighten gazelle geiger glitter \
    glucose goggles goldfish gremlin guidance hamlet highchair hockey indoors indulge inverse \
    involve island jawbone keyboard kickoff kiwi klaxon locale lockup merit minnow miser \
    mohawk mural music necklace neptune newborn nightbird oakland obtuse offload optic orca \
    payday peachy pheasant physique playhouse pluto preclude prefer preshrunk printer prowler \
    pupil puppy python quadrant quiver quota ragtime ratchet rebirth reform regain reindeer \
    rematch repay retouch revenge reward rhythm ribcage ringbolt robust rocker ruffled \
    sailboat sawdust scallion scenic scorecard scotland seabird select sentence shadow \
    shamrock showgirl skullcap skydive slingshot slowdown snapline snapshot snowcap snowslide \
    solo southward soybean spaniel spearhead spellbind spheroid spigot spindle spyglass \
    stagehand stagnate stairway standard stapler steamship sterling stockman stopwatch stormy \
    sugar surmount suspense sweatband swelter tactics talon tapeworm tempest tiger tissue \
    tonic topmost tracker transit trauma treadmill trojan trouble tumor tunnel tycoon uncut \
    unearth unwind uproot upset upshot vapor village virus vulcan waffle wallet watchword \
    wayside willow woodlark zulu";

/// The words of three syllables, used for odd positions.
pub(crate) const THREE_SYLLABLES: &str = "\
    adroitness adviser aftermath aggregate alkali almighty amulet amusement antenna applicant \
    apollo armistice article asteroid atlantic atmosphere autopsy babylon backwater barbecue \
    belowground bifocals bodyguard bookseller borderline bottomless bradbury bravado brazilian \
    breakaway burlington businessman butterfat camelot candidate cannonball capricorn caravan \
    caretaker celebrate cellulose certify chambermaid cherokee chicago clergyman coherence \
    combustion commando company component concurrent confidence conformist congregate \
    consensus consulting corporate corrosion councilman crossover crucifix cumbersome customer \
    dakota decadence december decimal designing detector detergent determine dictator dinosaur \
    direction disable disbelief disruptive distortion document embezzle enchanting enrollment \
    enterprise equation equipment escapade eskimo everyday examine existence exodus fascinate \
    filament finicky forever fortitude frequency gadgetry galveston getaway glossary gossamer \
    graduate gravity guitarist hamburger hamilton handiwork hazardous headwaters hemisphere \
    hesitate hideaway holiness hurricane hydraulic impartial impetus inception indigo inertia \
    infancy inferno informant insincere insurgent integrate intention inventive istanbul \
    jamaica jupiter leprosy letterhead liberty maritime matchmaker maverick medusa megaton \
    microscope microwave midsummer millionaire miracle misnomer molasses molecule montana \
    monument mosquito narrative nebula newsletter norwegian october ohio onlooker opulent \
    orlando outfielder pacific pandemic pandora paperweight paragon paragraph paramount \
    passenger pedigree pegasus penetrate perceptive performance pharmacy phonetic photograph \
    pioneer pocketful politeness positive potato processor provincial proximate puberty \
    publisher pyramid quantity racketeer rebellion recipe recover repellent replica reproduce \
    resistor responsive retraction retrieval retrospect revenue revival revolver sandalwood \
    sardonic saturday savagery scavenger sensation sociable souvenir specialist speculate \
    stethoscope stupendous supportive surrender suspicious sympathy tambourine telephone \
    therapist tobacco tolerance tomorrow torpedo tradition travesty trombonist truncated \
    typewriter ultimate undaunted underfoot unicorn unify universe unravel upcoming vacancy \
    vagabond vertigo virginia visitor vocalist voyager warranty waterloo whimsical wichita \
    wilmington wyoming yesteryear yucatan";

/// Returns the word of `byte` in `list`.
pub(crate) fn word(list: &'static str, byte: u8) -> &'static str {
    list.split(' ').nth(byte.into()).unwrap_or_default()
}

/// Returns the byte of `word`, in lower case, in `list`.
pub(crate) fn byte(list: &str, word: &str) -> Option<u8> {
    list.split(' ').position(|entry| entry == word)?.try_into().ok()
}

/// Returns the word of `list` that `word` is probably a misspelling of: the one with the least edit distance,
/// of at most one edit in three letters.
pub(crate) fn nearest(list: &'static str, word: &str) -> Option<&'static str> {
    let (mut least, mut nearest) = (word.len() / 3 + 1, None);
    for entry in list.split(' ').filter(|entry| entry.len().abs_diff(word.len()) <= word.len() / 3)
    {
        let distance = distance(entry.as_bytes(), word.as_bytes());
        if distance < least {
            (least, nearest) = (distance, Some(entry));
        }
    }
    nearest
}

/// Computes the Levenshtein distance of a word of a list, which has fewer than 16 letters, and another.
fn distance(entry: &[u8], word: &[u8]) -> usize {
    let mut row: [usize; 16] = core::array::from_fn(|at| at);
    let mut last = entry.len();
    for byte in word {
        let mut diagonal = row[0];
        row[0] += 1;
        last = row[0];
        for (above, letter) in row[1..].iter_mut().zip(entry) {
            last = (diagonal + usize::from(letter != byte)).min(last + 1).min(*above + 1);
            diagonal = *above;
            *above = last;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn nearest_finds_misspelled_words_only() {
        for (word, meant) in [
            ("crosover", Some("crossover")),
            ("corssover", Some("crossover")),
            ("univers", Some("universe")),
            ("univrese", Some("universe")),
            ("crossover", Some("crossover")),
            ("clockwork", None),
            ("", None),
            ("xy", None),
            (&"a".repeat(8000), None),
        ] {
            assert_eq!(nearest(THREE_SYLLABLES, word), meant, "{word:?}");
        }
        assert_eq!(nearest(TWO_SYLLABLES, "clokwork"), Some("clockwork"));
    }

    #[test]
    fn distance_counts_edits() {
        for (one, other, expected) in
            [("", "", 0), ("kitten", "sitting", 3), ("abc", "", 3), ("ab", "ba", 2)]
        {
            let (one, other) = (one.as_bytes(), other.as_bytes());
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected));
        }
    }

    #[test]
    fn each_byte_has_a_unique_word_in_each_list() {
        let mut seen = BTreeSet::new();
        for list in [TWO_SYLLABLES, THREE_SYLLABLES] {
            assert_eq!(list.split(' ').count(), 256);
            for at in 0..=255 {
                let word = word(list, at);
                assert!(word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
                assert_eq!(byte(list, word), Some(at));
                assert!(seen.insert(word), "{word:?} is unique");
            }
        }
        assert_eq!(byte(TWO_SYLLABLES, ""), None);
        assert_eq!(byte(TWO_SYLLABLES, "clock"), None);
    }

    /// Checks the published example of the word list.
    #[test]
    fn the_lists_have_the_published_order() {
        let bytes = [0xe5, 0x82, 0x94, 0xf2, 0xe9, 0xa2, 0x27, 0x48, 0x6e, 0x8b];
        let words = "topmost istanbul pluto vagabond treadmill pacific brackish dictator goldfish \
                     medusa";
        for (at, (byte, expected)) in bytes.into_iter().zip(words.split(' ')).enumerate() {
            assert_eq!(word([TWO_SYLLABLES, THREE_SYLLABLES][at % 2], byte), expected);
        }
    }
}
