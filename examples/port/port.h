/* What the rest of this small kernel sees of its paging. */
#ifndef PORT_H
#define PORT_H

#include "quire/port.h"
#include "quire/space.h"

enum quire_status port_init(void);
enum quire_status port_check(const char **what);
const struct quire_host *port_host(void);

enum port_answer { PORT_RETRY, PORT_YIELD, PORT_KILL };

enum port_answer port_page_fault(struct quire_space *space, uint32_t address, uint32_t error_code);

#endif
