"""buildah with storage of its own below the place."""

from place import Unavailable


class Buildah:
    def __init__(self, place):
        place.needs("buildah")
        self.place = place
        self.home = place.work / "buildah"
        self.home.mkdir()
        self.environment = {"BUILDAH_RUNTIME": str(place.runtime), "BUILDAH_ISOLATION": "oci"}
        self.options = ["--root", self.home / "root", "--runroot", self.home / "run", "--storage-driver", "overlay"]
        done = self.run("pull", "-q", f"docker-archive:{place.image}")
        if done.returncode != 0:
            raise Unavailable(f"buildah does not work here: {done.stderr.strip()[-300:]}")
        self.image = done.stdout.strip()

    def argv(self, *words):
        return ["buildah", *self.options, *words]

    def run(self, *words, **more):
        return self.place.run(self.argv(*words), env=self.environment, **more)

    def __call__(self, *words, code=0, **more):
        """stdout of a buildah command, without the last newline."""
        done = self.run(*words, **more)
        assert done.returncode == code, \
            f"buildah {words[0]}: exit {done.returncode}, not {code}: {done.stderr[-1500:]} {done.stdout[-500:]}"
        return done.stdout.rstrip("\n")

    def clear(self):
        self.run("rm", "-a")

    def end(self):
        self.clear()
        self.place.run(["umount", self.home / "root/overlay"])
