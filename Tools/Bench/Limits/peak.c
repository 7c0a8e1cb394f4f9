// Runs a program and prints the most memory that it had at once, in KiB. A small program does this, since a process begins
// with the peak of the one that it was made from.

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **words) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t process;
    int status;
    struct rusage usage;
    if (count < 2 || posix_spawnp(&process, words[1], &actions, NULL, words + 1, environ) != 0) return 1;
    if (wait4(process, &status, 0, &usage) < 0 || status != 0) return 1;
    printf("rate=%ld\n", usage.ru_maxrss);
    return 0;
}
