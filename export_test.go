package velithon

// GraceWithin is for tests.
var GraceWithin = graceWithin
