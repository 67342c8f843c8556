/* Memory for what holds keys for long: wiped when it is freed, and handed to whoever can keep it
 * out of the swap. proto/ itself cannot (it knows no system), so a program that can says so once.
 */
#ifndef PROTO_VAULT_H
#define PROTO_VAULT_H

#include <stddef.h>

/* Called with every piece that is allocated from now on, before a secret is in it; NULL: nobody.
 * Once, before there are threads. */
typedef void vault_keeper(void *at, size_t size);
void vault_keep(vault_keeper *keeper);

/* `size` zero bytes, aligned for anything; NULL when out of memory. */
void *vault_alloc(size_t size);
/* `size` as it was allocated. Accepts NULL. */
void vault_free(void *at, size_t size);

#endif
