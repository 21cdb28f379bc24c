"""Files of a public data set, in the folders in which its authors hand it out."""

from dataclasses import dataclass
from pathlib import Path

from vpnet.errors import InputError


@dataclass(frozen=True)
class DatasetLayout:
    """Where the authors of a data set put its files.

    Args:
        folder: The folder that holds them, below that into which the data set was unpacked, for
            example ``H/Scanpaths``; empty where there is none.
        files: Pattern of the files in it, for example ``*/*.txt``.
    """

    folder: str
    files: str

    def __str__(self) -> str:
        return f"{self.folder}/{self.files}" if self.folder else self.files

    def find(self, root: Path) -> list[Path]:
        """Files of the data set at a path or below it, in the order of their names.

        Args:
            root: The folder into which the data set was unpacked, any folder of the layout within
                it, or one of its files; names of folders decide which of these it is.

        Returns:
            The files; none where there are none, or where nothing has the layout's names.
        """
        parts = str(self).split("/")
        for depth in range(len(parts)):
            if depth and not root.absolute().match("/".join(parts[:depth])):
                continue
            files = sorted(root.glob("/".join(parts[depth:])))
            if files:
                return files
        return [root] if root.is_file() and root.absolute().match(str(self)) else []

    def require(self, root: Path) -> list[Path]:
        """The same for a path that the user says holds this data set.

        Args:
            root: As for `find`; the innermost folder may also have another name.

        Raises:
            InputError: There is no such file.
        """
        files = self.find(root) or sorted(root.glob(self.files))
        if files:
            return files
        tables = [root] if root.suffix == ".parquet" else sorted(root.glob("*.parquet"))
        if tables:
            raise InputError(
                f"{root}: the data set must hold files {self}, this is a table of recordings or a "
                f"folder of such; read it with data=parquet data.path={tables[0]}"
            )
        found = "none was found" if root.exists() else "no such folder"
        raise InputError(
            f"{root}: the data set must hold files {self}, {found}; set root to the folder into "
            "which you unpacked the data set"
        )
