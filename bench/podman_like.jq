# SPDX-License-Identifier: Apache-2.0
# `crun spec` → what podman gives to crun: its default capabilities, its system call filter ($profile: containers-common's seccomp.json,
# resolved for these capabilities and this machine as podman does), a user namespace, limits.
["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID",
 "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"] as $caps
| def applies:
    ((.includes.arches // ["amd64"]) | index("amd64")) and ((.includes.caps // []) - $caps == [])
    and ((.excludes.caps // []) - $caps == (.excludes.caps // [])) and ((.excludes.arches // []) | index("amd64") | not);
.process.terminal = false
| .process.args = ["/bin/true"]
| .process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}
| .root = {path: "/bundle/rootfs"}
| .linux.namespaces = [("pid", "network", "ipc", "uts", "mount", "user", "cgroup") | {type: .}]
| .linux.uidMappings = [{containerID: 0, hostID: 65536, size: 65536}]
| .linux.gidMappings = .linux.uidMappings
| .linux.resources += {memory: {limit: 268435456, swap: 536870912}, pids: {limit: 100}}
| .linux.seccomp = {
    defaultAction: $profile[0].defaultAction, defaultErrnoRet: $profile[0].defaultErrnoRet,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [$profile[0].syscalls[] | select(applies)
               | {names, action} + (if (.args // []) == [] then {} else {args} end) + (if .errnoRet then {errnoRet} else {} end)]}
