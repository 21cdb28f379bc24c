from vpnet.video.decoder_check import check_decoders
from vpnet.video.opening import BACKENDS


def test_what_decodes_and_what_does_not_is_found_out():
    complaints = check_decoders()
    assert complaints.keys() == BACKENDS.keys()
    assert complaints["pyav"] is None
    for complaint in complaints.values():
        assert complaint is None or "\n" not in complaint
