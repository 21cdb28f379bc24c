from vpnet.viewer_ids import HASH_BYTES, KnownViewers, hash_of, new_salt


def test_who_has_an_id_finds_the_row_again():
    known = KnownViewers.of(["b", "a", "\udcff not utf-8"])
    assert [known.row_of(user) for user in ("b", "a", "\udcff not utf-8", "c", "")] == [
        1,
        2,
        3,
        0,
        0,
    ]
    assert "a" in known
    assert "c" not in known
    assert 1 not in known
    assert len(known) == 3
    assert KnownViewers(known.salt, known.hashes) == known


def test_a_hash_says_nothing_without_its_salt():
    one, other = KnownViewers.of(["alice"]), KnownViewers.of(["alice"])
    assert one.salt != other.salt
    assert one.hashes != other.hashes
    assert one.hashed("alice") == one.hashes[0] == hash_of("alice", one.salt).hex()
    assert len(bytes.fromhex(one.hashes[0])) == HASH_BYTES
    assert KnownViewers.of(["alice"], one.salt) == one


def test_a_salt_takes_no_part_in_seeds():
    import random

    import torch

    for _ in range(2):
        torch.manual_seed(0)
        random.seed(0)
        before = torch.get_rng_state()
        assert len({new_salt() for _ in range(4)}) == 4
        assert (torch.get_rng_state() == before).all()
