/* The commands of `quire`. Each stands in a file of its own, command_NAME.c, and is run from the
 * table in main.c. */
#ifndef QUIRE_TOOLS_COMMANDS_H
#define QUIRE_TOOLS_COMMANDS_H

/* argv[0] is the command's name. Returns the exit status: 0, or 2 after fail(). `quire COMMAND
 * --help` never gets here. */
int command_boot(int argc, char **argv);
int command_formats(int argc, char **argv);
int command_ptsim(int argc, char **argv);
int command_registry(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_run(int argc, char **argv);
int command_shell(int argc, char **argv);
int command_size(int argc, char **argv);
int command_translate(int argc, char **argv);

/* What `quire COMMAND --help` prints, with an example that works. */
extern const char command_boot_help[];
extern const char command_formats_help[];
extern const char command_ptsim_help[];
extern const char command_registry_help[];
extern const char command_replay_help[];
extern const char command_run_help[];
extern const char command_shell_help[];
extern const char command_size_help[];
extern const char command_translate_help[];

#endif
