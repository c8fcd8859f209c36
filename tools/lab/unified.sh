#!/usr/bin/env bash
# Boots Debian's kernel 6.1 with unified control groups (version 2) in software emulation, over this machine's root read-only by 9p,
# and runs something in it: by default the part of the runtime kit that control groups decide on. For correctness, not for timing.
#   unified.sh [SECONDS [COMMAND]]    packages and the kernel go to $UNIFIED (default /tmp/gantry-unified); nothing is installed
set -euo pipefail
U=${UNIFIED:-/tmp/gantry-unified}; root=$(cd "$(dirname "$0")/../.." && pwd); node=$(dirname "$(readlink -f "$(command -v node)")")
kit='node --conditions=@gantry/source --disable-warning=ExperimentalWarning packages/conformance/src/bin.ts runtime packages/runtime-linux/src/index.ts --mode direct'
limit=${1:-900}; command=${2:-$kit --suite control --suite limits --suite isolation}
mkdir -p "$U/debs/partial" "$U/x"
if ! ls "$U"/x/boot/vmlinuz-* >/dev/null 2>&1; then
  apt-get -y -qq --no-install-recommends -o Dir::Cache::archives="$U/debs" -o Debug::NoLocking=1 --download-only install qemu-system-x86 linux-image-amd64 >/dev/null
  for deb in "$U"/debs/*.deb; do dpkg-deb -x "$deb" "$U/x"; done
  rm -r "$U/debs"
fi
kernel=$(ls "$U"/x/boot/vmlinuz-* | head -1); modules=$U/x/lib/modules/${kernel##*vmlinuz-}
# Each needs those before it.
needed='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay'
rm -rf "$U/r"; mkdir -p "$U"/r/{bin,proc,sys,dev,mnt,mod}; cp /bin/busybox "$U/r/bin/"
for module in $needed; do find "$modules" -name "$module.ko" -exec cp {} "$U/r/mod/" \;; done
cat > "$U/r/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin; mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
for m in $needed $needed; do insmod /mod/\$m.ko 2>/dev/null; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose host /mnt || { dmesg | tail; poweroff -f; }
for d in tmp run root; do mount -t tmpfs -o mode=1777 t /mnt/\$d; done
mount -t proc p /mnt/proc; mount -t sysfs s /mnt/sys; mount -t devtmpfs d /mnt/dev; mkdir -p /mnt/dev/shm /mnt/dev/pts
mount -t tmpfs t /mnt/dev/shm; mount -t devpts t /mnt/dev/pts; mount -t cgroup2 c /mnt/sys/fs/cgroup; ip link set lo up
cp /command /mnt/tmp/command; exec switch_root /mnt /bin/sh /tmp/command
INIT
printf 'export PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin\ncd %s\n%s\necho "STATUS $?"\nbusybox poweroff -f\n' "$node" "$root" "$command" > "$U/r/command"
chmod +x "$U/r/init"; (cd "$U/r" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) > "$U/initrd.gz"
export LD_LIBRARY_PATH=$U/x/usr/lib/x86_64-linux-gnu:$U/x/lib/x86_64-linux-gnu
timeout -s KILL "$limit" "$U/x/usr/bin/qemu-system-x86_64" -L "$U/x/usr/share/qemu" -L "$U/x/usr/share/seabios" -machine q35,accel=tcg -cpu max -smp 2 -m 3072 \
  -nographic -nodefaults -serial stdio -no-reboot -kernel "$kernel" -initrd "$U/initrd.gz" -append 'console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable' \
  -fsdev "local,id=h,path=/,security_model=none,readonly=on,multidevs=remap" -device virtio-9p-pci,fsdev=h,mount_tag=host | tee "$U/log"
grep -q '^STATUS 0' "$U/log"
