/* Actions as text, so that a test can state the exact list that an input leads to:
 *
 *     keep 3 version:0102, 1 open m, 1 ping 1, snapshot
 *
 * A LINK_SEND is the number of its link and the command with its fields (of an add the body too, in
 * hex; ids left out). Other actions are their name in lower case and the fields that they use. */
#ifndef SIM_ACTS_H
#define SIM_ACTS_H

#include "proto/action.h"

/* Takes all actions from the queue. The text is valid until the next call; it begins with "FAILED"
 * if memory had run out. Aborts if a LINK_SEND is no JSON object or longer than CLIENT_TEXT_MAX. */
const char *acts_take(struct actions *actions);

#endif
