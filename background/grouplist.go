package background

// groupList is a list of groups in the order in which they were added. Its
// links are in the groups, so that adding one does not allocate, which
// container/list would. The zero value is empty.
type groupList struct {
	first, last *group
}

func (l *groupList) push(g *group) {
	g.previous = l.last
	if l.last == nil {
		l.first = g
	} else {
		l.last.following = g
	}
	l.last = g
}

func (l *groupList) remove(g *group) {
	if g.previous == nil {
		l.first = g.following
	} else {
		g.previous.following = g.following
	}
	if g.following == nil {
		l.last = g.previous
	} else {
		g.following.previous = g.previous
	}
	g.previous, g.following = nil, nil
}
