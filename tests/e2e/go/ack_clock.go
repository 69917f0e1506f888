package main

import (
	"sync"
	"time"
)

// ackClock measures how long batches wait for their acks, and bounds how many wait.
type ackClock struct {
	mutex    sync.Mutex
	changed  *sync.Cond
	inFlight int // 0 = any number
	sent     []time.Time
	seconds  []float64 // from sending to the ack, of the batches that have one
	ended    bool
}

func newAckClock(inFlight int) *ackClock {
	clock := &ackClock{inFlight: inFlight}
	clock.changed = sync.NewCond(&clock.mutex)
	return clock
}

// send waits until another batch may go out, and notes that it does.
func (c *ackClock) send() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for !c.ended && c.inFlight > 0 && len(c.sent)-len(c.seconds) >= c.inFlight {
		c.changed.Wait()
	}
	c.sent = append(c.sent, time.Now())
}

// acked notes that all batches up to sequence, counted from 1, are acknowledged.
func (c *ackClock) acked(sequence int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for int64(len(c.seconds)) < min(sequence, int64(len(c.sent))) {
		c.seconds = append(c.seconds, secondsSince(c.sent[len(c.seconds)]))
	}
	c.changed.Broadcast()
}

// end lets whoever waits go on: no more acks will come.
func (c *ackClock) end() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ended = true
	c.changed.Broadcast()
}
