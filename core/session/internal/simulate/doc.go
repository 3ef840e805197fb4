// Package simulate holds a deterministic simulation of sessions, all of it in
// tests: a few visitors with several tabs, some servers of differing options and a
// faulty store, where one seeded scheduler decides every call of the store, every
// answer that is lost, late or overtaken, and the time.
//
// What the visitors may expect is judged by a model of its own, which knows
// tickets and sessions from the outside only.
//
//	go test -run TestSimulation -seeds 100000
//	go test -run TestSimulation -seed 4711
//
// The second prints what happened in one run. The same seed gives the same run.
// TestSimulationWithClocksApart takes the same flags.
package simulate
