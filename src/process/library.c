/* The kernel's list of shared libraries. */
#include "quire/library.h"

#include "internal.h"

static bool same_name(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

struct quire_library *quire_library_find(const struct quire_usermode *usermode, const char *name)
{
    struct quire_library *library = usermode->libraries;

    while (library != NULL && !same_name(library->image->name, name)) {
        library = library->next;
    }
    return library;
}

enum quire_status quire_library_add(struct quire_usermode *usermode, struct quire_library *library,
                                    struct quire_image *image, bool kept)
{
    if (image->name == NULL || !image->movable) {
        return QUIRE_INVALID;
    }
    if (quire_library_find(usermode, image->name) != NULL) {
        return QUIRE_EXISTS;
    }
    *library = (struct quire_library){
        .image = image, .usermode = usermode, .next = usermode->libraries, .kept = kept};
    if (library->next != NULL) {
        library->next->prev = library;
    }
    usermode->libraries = library;
    return QUIRE_OK;
}

enum quire_status quire_library_remove(struct quire_library *library)
{
    if (library->users != 0) {
        return QUIRE_BUSY;
    }
    if (library->loaded) {
        quire_image_close(library->image);
        library->loaded = false;
    }
    if (library->prev != NULL) {
        library->prev->next = library->next;
    } else {
        library->usermode->libraries = library->next;
    }
    if (library->next != NULL) {
        library->next->prev = library->prev;
    }
    return QUIRE_OK;
}

enum quire_status quire_library_open(struct quire_library *library)
{
    enum quire_status status = QUIRE_OK;

    if (!library->loaded) {
        status = quire_image_open(library->image, library->usermode->system);
    }
    if (status == QUIRE_OK) {
        library->loaded = true;
        library->users++;
    }
    return status;
}

void quire_library_close(struct quire_library *library)
{
    if (--library->users == 0 && !library->kept) {
        quire_image_close(library->image);
        library->loaded = false;
    }
}
