package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// askHealth asks the service that listens on addr whether it lives. It is the health check
// of the image, which has no shell and no other program.
func askHealth(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loopback(addr)+"/livez", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true} // of its own: no proxy of the environment
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /livez answers %s", response.Status)
	}
	return nil
}

// loopback returns where to reach on this host what listens on addr.
func loopback(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
