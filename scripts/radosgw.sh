#!/usr/bin/env bash
# A throw-away Ceph cluster (one monitor, one OSD, one radosgw) on 127.0.0.1, without systemd: a real S3 server for tests.
#   radosgw.sh start DIR    boots (or boots again) a cluster in DIR; prints endpoint and credentials as shell exports
#   radosgw.sh stop DIR     stops it by the process ids it recorded (TERM, then KILL after 20 s)
#   radosgw.sh wipe DIR     stops it and deletes DIR
#   radosgw.sh status DIR
# Environment: RGW_PORT (7480) RGW_SSL_PORT (7443, 0 = off) MON_PORT (6789) OSD_STORE (bluestore|memstore) OSD_GB (40)
#              RGW_AES256 (0; 1 = encrypt every object under one server key)
# Debian packages: radosgw ceph-mon ceph-osd ceph-common
set -euo pipefail
unset AWS_CA_BUNDLE
CMD=${1:-start}; D=${2:-${RGW_DIR:?name a folder: radosgw.sh start DIR}}
P=${RGW_PORT:-7480}; SP=${RGW_SSL_PORT:-7443}; MP=${MON_PORT:-6789}
STORE=${OSD_STORE:-bluestore}; GB=${OSD_GB:-40}; AES=${RGW_AES256:-0}
AK=${RGW_ACCESS_KEY:-TESTACCESSKEY00000001}; SK=${RGW_SECRET_KEY:-testSecretKey000000000000000000000000001}
C="-c $D/ceph.conf"

stop() {
  for n in rgw osd mon; do
    [ -s "$D/$n.pid" ] || continue
    p=$(cat "$D/$n.pid")
    # only kill it if it is still ours
    if [ -r /proc/$p/cmdline ] && tr '\0' ' ' </proc/$p/cmdline | grep -q -- "$D/ceph.conf"; then
      kill "$p" 2>/dev/null || true
      for _ in $(seq 200); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
      kill -9 "$p" 2>/dev/null || true
    fi
    rm -f "$D/$n.pid"
  done
}
info() {
  cat <<I
export AWS_ENDPOINT_URL=http://127.0.0.1:$P
export RGW_HTTPS_ENDPOINT=https://127.0.0.1:$SP
export RGW_CA=$D/tls.crt
export AWS_ACCESS_KEY_ID=$AK
export AWS_SECRET_ACCESS_KEY=$SK
export AWS_DEFAULT_REGION=us-east-1
I
}
waitfor() { # seconds, command...
  local n=$(( $1 * 10 )); shift
  for _ in $(seq $n); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  echo "timeout: $*" >&2; return 1
}

case $CMD in
stop) stop; exit 0;;
wipe) stop; case "$D" in /|"") exit 1;; esac; [ -f "$D/ceph.conf" ] && rm -rf "$D"; exit 0;;
status) for n in mon osd rgw; do p=$(cat "$D/$n.pid" 2>/dev/null || echo -); echo "$n pid=$p $( [ -d /proc/$p ] && awk '/VmRSS|VmHWM/{printf "%s %d MiB  ",$1,$2/1024}' /proc/$p/status || echo down)"; done; exit 0;;
start) ;;
*) sed -n 2,8p "$0"; exit 2;;
esac

T0=$(date +%s.%N)
mkdir -p "$D"; cd "$D"
FRESH=1; [ -f osd0/whoami ] && [ -f mon/done ] && [ "$STORE" != memstore ] && FRESH=0
if [ $FRESH = 1 ]; then
  rm -rf rgw; mkdir -p rgw
  FSID=$(cat /proc/sys/kernel/random/uuid); echo "$FSID" > fsid
  if [ "$SP" != 0 ] && [ ! -s tls.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj /CN=localhost \
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout tls.key -out tls.crt 2>/dev/null
    cat tls.key tls.crt > tls.pem
  fi
fi
FSID=$(cat fsid)
# tcp_nodelay: its default 0 costs ~40 ms on every small GET (Nagle + delayed ACK)
FE="beast endpoint=127.0.0.1:$P tcp_nodelay=1"; [ "$SP" != 0 ] && FE="$FE ssl_endpoint=127.0.0.1:$SP ssl_certificate=$D/tls.pem"
cat > ceph.conf <<CONF
[global]
fsid = $FSID
mon host = [v1:127.0.0.1:$MP]
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind ipv4 = true
ms bind ipv6 = false
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = $D
admin socket = $D/\$name.asok
log file = $D/\$name.log
crash dir = $D
heartbeat file =
# one copy, tiny pools, no autoscaler: quick to create
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
mon max pg per osd = 1000
mon osd min down reporters = 1
mon warn on pool no redundancy = false
# memory
osd memory target = 939524096
bluestore cache autotune = false
bluestore cache size = 268435456
[mon]
mon data = $D/mon
mon data avail crit = 1
mon data avail warn = 1
mon compact on start = false
paxos propose interval = 0.05
paxos min wait = 0.01
[osd]
osd data = $D/osd0
osd objectstore = $STORE
osd journal =
memstore device bytes = $((GB<<30))
bluestore block create = true
bluestore block size = $((GB<<30))
bluestore block db create = false
bluestore block wal create = false
bluestore fsck on mount = false
osd class load list = *
osd class default list = *
osd max object name len = 1024
osd crush initial weight = 1
osd scrub begin hour = 0
osd numa auto affinity = false
# no real flash/HDD benchmark on boot
osd op queue = wpq
[client]
# a test server: radosgw-admin and ceph must not wait for a mgr
[client.rgw.a]
rgw data = $D/rgw
rgw frontends = $FE
rgw thread pool size = 64
rgw max concurrent requests = 1024
rgw num rados handles = 1
rgw enable usage log = false
rgw enable ops log = false
rgw enable gc threads = true
rgw enable lc threads = true
rgw dns name = localhost
rgw override bucket index max shards = 1
rgw dynamic resharding = false
rgw gc obj min wait = 60
rgw gc processor period = 60
# --- encryption ---
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo= testkey-2=aWIKTWFrZWZpbGUKbWFuCm91dApzcmMKVGVzdGluZwo=
$( [ "$AES" = 1 ] && echo "rgw crypt default encryption key = 4YSmvJtBv0aZ7geVgAsdpRnLBEwWSWlMIGnRS8a9TSA=" )
CONF
for n in mon osd rgw; do [ -s $n.pid ] && p=$(cat $n.pid) && [ -d /proc/$p ] && { echo "already running: $n $p" >&2; exit 3; }; done || true

# Pacific's daemons have rare boot races on few cores (OSD segfault in io_context_pool; mkfs storing a wrong fsid),
# seen in ~1 of 6 boots: wait on the process as well as on the state, and boot that part again when it died.
up() { timeout 10 ceph $C osd stat 2>/dev/null | grep -q '1 up'; }
boot_try() {
  if [ $FRESH = 1 ]; then
    rm -rf mon osd0 monmap; mkdir -p mon osd0
    monmaptool --create --clobber --fsid "$FSID" --addv a "[v1:127.0.0.1:$MP]" monmap >/dev/null 2>&1 || return 1
    ceph-mon $C --mkfs -i a --monmap monmap >mkfs-mon.out 2>&1 || return 1
  fi
  ceph-mon $C -f -i a >mon.out 2>&1 & echo $! > mon.pid
  waitfor 15 timeout 5 ceph $C --connect-timeout 5 -s || return 1
  if [ $FRESH = 1 ]; then
    OU=$(cat /proc/sys/kernel/random/uuid)
    timeout 20 ceph $C osd new "$OU" >/dev/null 2>mkfs-osd.err || return 1
    timeout 60 ceph-osd $C --mkfs -i 0 --osd-uuid "$OU" >mkfs-osd.out 2>&1 || return 1
    grep -qx "$FSID" osd0/ceph_fsid || { echo "wrong fsid from mkfs" >&2; return 1; }
  fi
  ceph-osd $C -f -i 0 >osd.out 2>&1 & echo $! > osd.pid
  for _ in $(seq 150); do up && break; kill -0 "$(cat osd.pid)" 2>/dev/null || return 1; sleep 0.1; done
  up || return 1
  if [ $FRESH = 1 ]; then
    timeout 60 radosgw-admin $C -n client.rgw.a user create --uid=test --display-name=Test --access-key="$AK" --secret-key="$SK" >user.json 2>user.err || return 1
    touch mon/done
  fi
}
OKB=0
for TRY in 1 2 3 4 5 6 7 8 9 10; do
  if boot_try; then OKB=1; break; fi
  echo "# boot attempt $TRY failed, again" >&2; cp -f osd0.log "osd-fail-$TRY.log" 2>/dev/null || true; stop
done
[ $OKB = 1 ] || { echo "could not boot" >&2; exit 1; }
radosgw $C -f -n client.rgw.a >rgw.out 2>&1 & echo $! > rgw.pid
waitfor 60 curl -fs -o /dev/null "http://127.0.0.1:$P/"
info | tee env.sh
echo "# up in $(awk -v a=$T0 -v b=$(date +%s.%N) 'BEGIN{printf "%.1f",b-a}') s; pids mon=$(cat mon.pid) osd=$(cat osd.pid) rgw=$(cat rgw.pid)"
