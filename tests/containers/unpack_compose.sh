# Unpack the Docker Compose of Debian 13 into a folder, from the same mirror as the packages of this machine.
set -eu
home=$(mkdir -p "$1" && cd "$1" && pwd)
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian$' || true)
test -n "$mirror" || { echo "the sources of apt name no mirror of Debian" >&2; exit 1; }
mkdir -p "$home/apt/lists/partial" "$home/apt/cache/archives/partial" "$home/apt/none"
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$key] $mirror trixie main" > "$home/apt/sources.list"
set -- -o "Dir::Etc::SourceList=$home/apt/sources.list" -o "Dir::Etc::SourceParts=$home/apt/none" \
	-o "Dir::State::Lists=$home/apt/lists" -o "Dir::Cache=$home/apt/cache" -o APT::Sandbox::User=root
apt-get "$@" update
cd "$home/apt" && apt-get "$@" download docker-compose
dpkg-deb --extract "$home"/apt/docker-compose_*.deb "$home/compose"
rm -r "$home/apt"
