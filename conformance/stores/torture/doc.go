// Package torture lets visitors loose on applications whose store fails: several
// processes, real HTTP, cookie jars, a server behind a proxy that cuts, stalls and
// delays, and what each server can do of its own. What the visitors were told is
// compared with what is there afterwards. There is nothing but tests here.
//
// CLOAKROOM_TORTURE is how long each store is tortured: 60m, for instance.
package torture
