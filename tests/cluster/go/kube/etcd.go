package main

import (
	"log"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd serves the only member of a store in dir until stop is closed. The data need not outlive the machine, so
// nothing waits for the disk.
func runEtcd(dir string, stop <-chan struct{}) {
	config := embed.NewConfig()
	config.Name = "test"
	config.Dir = dir
	config.UnsafeNoFsync = true
	client, peer := url.URL{Scheme: "http", Host: "127.0.0.1:2379"}, url.URL{Scheme: "http", Host: "127.0.0.1:2380"}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "warn"
	// Embedded, etcd leaves this at 0 and warns of every request.
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	server, err := embed.StartEtcd(config)
	if err != nil {
		log.Fatal(err)
	}
	<-server.Server.ReadyNotify()
	log.Print("etcd ready")
	select {
	case <-stop:
		server.Close()
	case err := <-server.Err():
		log.Fatal(err)
	}
}
