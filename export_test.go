package velithon

// GraceWithin is for tests.
var GraceWithin = graceWithin

// OpenConnections is how many connections the server has a record of.
func (a *App) OpenConnections() int { return a.server.conns.len() }
