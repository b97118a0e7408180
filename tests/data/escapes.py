# Ways out of a sandbox, each tried by itself. What it prints is judged by tests/it/exec.rs: a line a way, "in" or "OUT".
# Outside of a sandbox it changes the clock, the name and the kernel's settings of the machine: name the harmless ways then.
import ctypes, errno, os, socket, stat, struct, sys

outside, tcp, parent, unix, abstract, *only = sys.argv[1:]
tcp, parent = int(tcp), int(parent)
secret, folder = outside + "/secret", outside + "/folder"
libc = ctypes.CDLL(None, use_errno=True)
ways = []


def way(f):
    ways.append(f)
    return f


def call(number, *args):
    result = libc.syscall(ctypes.c_long(number), *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def readable(number):
    # Those that Python itself has open are its own folder and this file.
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith(outside) or stat.S_ISREG(os.fstat(number).st_mode)
    except OSError:
        return False


@way
def reads_a_file(): return open(secret).read()
@way
def lists_a_folder(): return os.listdir(outside)
@way
def lists_all_homes(): return os.listdir(os.path.expanduser("~root")) or os.listdir("/home")
@way
def opens_only_the_path():
    fd = os.open(outside, os.O_PATH | os.O_DIRECTORY)
    return os.read(os.open("secret", os.O_RDONLY, dir_fd=fd), 9)
@way
def writes_a_file(): open(secret, "w").write("x")
@way
def appends_to_a_file(): open(secret, "a").write("x")
@way
def truncates_a_file(): os.truncate(secret, 0)
@way
def makes_a_file(): open(folder + "/new", "x")
@way
def makes_a_folder(): os.mkdir(folder + "/new-folder")
@way
def removes_a_file(): os.unlink(secret)
@way
def removes_a_folder(): os.rmdir(folder)
@way
def renames_a_file(): os.rename(secret, folder + "/moved")
@way
def moves_a_file_in(): os.rename(secret, "mine")
@way
def links_a_file_in():
    os.link(secret, "linked")
    return open("linked").read()
@way
def follows_a_symlink():
    os.symlink(secret, "soft")
    return open("soft").read()
@way
def follows_a_symlink_to_write():
    os.symlink(folder, "soft-folder")
    open("soft-folder/through", "x")
@way
def goes_up_and_down(): return open("../../../../../../../.." + secret).read()
@way
def goes_by_its_root(): return open("/proc/self/root" + secret).read()
@way
def goes_by_its_parents_root(): return open(f"/proc/{parent}/root" + secret).read()
@way
def goes_by_its_parents_folder(): return os.listdir(f"/proc/{parent}/cwd")
@way
def changes_a_mode(): os.chmod(secret, 0o777)
@way
def changes_an_open_mode(): os.fchmod(os.open("/usr/bin/env", os.O_RDONLY), 0o755)
@way
def changes_a_mode_by_number(): call(452, -100, secret.encode(), 0o777, 0)
@way
def changes_an_owner(): os.chown(secret, os.getuid(), os.getgid())
@way
def changes_a_time(): os.utime(secret, (1, 1))
@way
def sets_an_attribute(): os.setxattr(secret, "user.x", b"y")
@way
def writes_settings_of_the_system(): open("/etc/fac-was-here", "w")
@way
def writes_a_program(): open("/usr/bin/fac-was-here", "w")
@way
def reads_passwords(): return open("/etc/shadow").read()
@way
def reads_names_of_users(): return open("/etc/passwd").read()
@way
def writes_temporary_files_of_others(): open("/var/tmp/fac-was-here", "w")
@way
def writes_shared_memory_of_others():
    open("/dev/shm/fac-was-here", "w").write("x" * 100)
    # Where it has shared memory of its own, that is its folder.
    if os.path.exists("fac-was-here"): raise OSError(errno.EROFS, "its own")
@way
def writes_a_new_root_file(): open("/fac-was-here", "w")
@way
def writes_into_devices(): open("/dev/fac-was-here", "w")
@way
def reads_memory_of_the_machine(): return open("/dev/mem", "rb").read(1)
@way
def reads_the_kernels_log(): return os.read(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), 1)
@way
def makes_a_device(): os.mknod("disk", 0o600 | 0o060000, os.makedev(8, 0))
@way
def changes_the_kernel(): open("/proc/sys/kernel/core_pattern", "w").write("|/bin/sh")
@way
def changes_a_control_group(): open("/sys/fs/cgroup/cgroup.procs", "w").write("0")
@way
def watches_a_folder():
    fd = libc.inotify_init()
    if libc.inotify_add_watch(fd, outside.encode(), 0xfff) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def opens_by_number():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    if libc.name_to_handle_at(-100, secret.encode(), handle, ctypes.byref(ctypes.c_int()), 0) < 0:
        raise OSError(ctypes.get_errno(), "refused")
@way
def connects(): socket.create_connection(("127.0.0.1", tcp), 2)
@way
def listens():
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
@way
def sends_a_datagram(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", tcp))
@way
def sends_raw(): socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
@way
def sends_packets(): socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
@way
def asks_the_kernel_for_addresses(): socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
@way
def connects_to_a_socket_file():
    s = socket.socket(socket.AF_UNIX); s.connect(unix)
@way
def connects_to_an_abstract_socket():
    s = socket.socket(socket.AF_UNIX); s.connect("\0" + abstract)
@way
def passes_io_uring(): call(425, 8, ctypes.create_string_buffer(256))
@way
def signals_its_parent(): os.kill(parent, 0)
@way
def sees_its_parent(): return open(f"/proc/{parent}/environ").read()
@way
def sees_others():
    return [p for p in os.listdir("/proc") if p.isdigit() and int(p) == parent]
@way
def reads_the_secret_variable(): return os.environ["OUTSIDE_SECRET"]
@way
def reads_the_first_environment(): return "OUTSIDE_SECRET" in open("/proc/self/environ").read()
@way
def traces_its_parent():
    if libc.ptrace(16, parent, 0, 0) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def traces_itself():
    if libc.ptrace(0, 0, 0, 0) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def reads_its_parents_memory():
    iov = struct.pack("PN", ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    if libc.process_vm_readv(parent, iov, 1, iov, 1, 0) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def limits_its_parent():
    import resource
    return resource.prlimit(parent, resource.RLIMIT_NOFILE)
@way
def slows_others_down(): os.setpriority(os.PRIO_USER, 0, 19)
@way
def binds_others_to_a_processor(): os.sched_setaffinity(parent, {0})
@way
def raises_its_limit():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
@way
def becomes_another_user(): os.setuid(os.getuid() + 1 if os.getuid() else 1)
@way
def becomes_root_by_a_program():
    import subprocess
    return subprocess.run(["su", "-c", "cat " + secret], capture_output=True, stdin=subprocess.DEVNULL).stdout
@way
def makes_a_namespace(): call(272, 0x10000000)
@way
def makes_a_namespace_by_clone():
    if call(56, 0x10000000 | 17, None, None, None, None) == 0: os._exit(0)
@way
def joins_a_namespace(): call(308, os.open(f"/proc/{parent}/ns/mnt", os.O_RDONLY), 0)
@way
def mounts(): call(165, b"none", b".", b"tmpfs", 0, None)
@way
def opens_a_mount(): call(428, -100, b"/", 1)
@way
def changes_its_root(): os.chroot(".")
@way
def begins_a_session(): os.setsid()
@way
def leaves_its_group(): os.setpgid(0, 0)
@way
def types_on_a_terminal():
    import fcntl
    fcntl.ioctl(0, 0x5412, b"x")
@way
def opens_the_terminal(): os.open("/dev/tty", os.O_RDWR)
@way
def keeps_a_file_in_memory(): os.memfd_create("x")
@way
def shares_memory():
    if libc.shmget(0, 4096, 0o600 | 0o1000) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def keeps_a_key(): call(248, b"user", b"fac", b"x", 1, -5)
@way
def loads_a_program_into_the_kernel(): call(321, 5, ctypes.create_string_buffer(128), 128)
@way
def counts_what_the_machine_does(): call(298, ctypes.create_string_buffer(struct.pack("II", 1, 112) + bytes(104)), 0, -1, -1, 0)
@way
def handles_its_own_faults(): call(323, 1)
@way
def sets_the_clock():
    import time
    time.clock_settime(time.CLOCK_REALTIME, time.time())
@way
def names_the_machine(): socket.sethostname("fac-was-here")
@way
def aims_a_pair_of_sockets():
    a, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.sendto(b"x", unix)
@way
def aims_a_raw_pair_of_sockets():
    a, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)
    a.sendto(b"x", unix)
@way
def attaches_memory_of_others():
    libc.shmat.restype = ctypes.c_void_p
    for number in range(64):
        if libc.shmat(number, None, 0) != ctypes.c_void_p(-1).value: return "some"
    raise OSError(ctypes.get_errno(), "refused")
@way
def changes_semaphores_of_others():
    if libc.semctl(0, 0, 16, 1) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def lets_others_wait():
    import fcntl
    fcntl.fcntl(os.open("lent", os.O_RDONLY | os.O_CREAT), 1024, fcntl.F_RDLCK)
@way
def writes_into_the_first_process(): os.open("/proc/1/mem", os.O_RDWR)
@way
def writes_into_its_parent(): os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR) if os.getppid() == 1 else os.open(f"/proc/{parent}/mem", os.O_RDWR)
@way
def takes_room_that_nobody_counts():
    if libc.fallocate(os.open("room", os.O_RDWR | os.O_CREAT), 1, 0, 300 << 20) < 0: raise OSError(ctypes.get_errno(), "refused")
@way
def finds_a_file_that_was_open(): return [n for n in range(3, 256) if readable(n)]
@way
def calls_what_nobody_knows_yet(): call(600)
@way
def calls_by_other_numbers(): call(0x40000000 + 165, b"none", b".", b"tmpfs", 0, None)


for f in ways:
    if only and f.__name__ not in only:
        continue
    # One that is ended for it ends nobody else.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # What gives nothing back has done what it tried; what gives back nothing found has found nothing.
            found = f()
            said = "in (nothing there)" if found is not None and not found else "OUT"
        except (KeyError, ValueError) as error:
            said = "in (%r)" % error
        except OSError as error:
            said = "in (%s)" % (errno.errorcode.get(error.errno, error))
        except Exception as error:
            said = "? %r" % error
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 1000).decode() or "in (ended)"
    os.close(reading)
    os.waitpid(child, 0)
    print(f.__name__, said, sep="\t")
