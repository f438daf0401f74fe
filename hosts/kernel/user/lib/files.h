/* There are no files; but it is known how often one was asked for. */
#ifndef USER_FILES_H
#define USER_FILES_H

extern unsigned files_asked;

#endif
