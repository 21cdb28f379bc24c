"""vpnet's splits by name: a closed table, from which configurations choose."""

from collections.abc import Callable, Mapping

from vpnet.dataset.split_file import SplitFile
from vpnet.dataset.splits import (
    CrossUser,
    CrossUserAndVideo,
    CrossVideo,
    LeaveOneUserOut,
    Split,
    TestOnly,
)

SPLITS: Mapping[str, Callable[..., Split]] = {
    "cross_video": CrossVideo,
    "cross_user": CrossUser,
    "cross_user_and_video": CrossUserAndVideo,
    "leave_one_user_out": LeaveOneUserOut,
    "file": SplitFile,
    "test_only": TestOnly,
}
