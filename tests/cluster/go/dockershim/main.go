// Kubernetes' own way to Docker, in a process of its own and in today's words. The kubelet had it built in until 1.24;
// cri-dockerd is made from it. It speaks `runtime.v1alpha2` of the Container Runtime Interface, whose messages are those
// of `runtime.v1`, the only one a kubelet speaks today: the paths of requests are rewritten.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"google.golang.org/grpc"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cri/streaming"
	"k8s.io/kubernetes/pkg/kubelet/dockershim"
)

func main() {
	// Packages below define flags of the same names.
	flags := flag.NewFlagSet("dockershim", flag.ExitOnError)
	socket := flags.String("listen", "", "unix socket for the kubelet")
	docker := flags.String("docker", "unix:///run/docker.sock", "where Docker listens")
	pause := flags.String("pause-image", "", "image that holds the namespaces of a pod")
	cniConf := flags.String("cni-conf-dir", "", "folder of the CNI configuration")
	address := flags.String("address", "", "of this node, for exec, attach and port-forward")
	flags.Parse(os.Args[1:])
	if err := serve(*socket, *docker, *pause, *cniConf, *address); err != nil {
		log.Fatal(err)
	}
}

func serve(socket, docker, pause, cniConf, address string) error {
	service, err := dockershim.NewDockerService(
		&dockershim.ClientConfig{DockerEndpoint: docker, RuntimeRequestTimeout: 2 * time.Minute, ImagePullProgressDeadline: time.Minute},
		pause,
		streamingConfig(address),
		&dockershim.NetworkPluginSettings{
			// A pod must reach itself by its Service.
			HairpinMode:        kubeletconfig.HairpinVeth,
			PluginName:         "cni",
			PluginConfDir:      cniConf,
			PluginBinDirString: "/usr/lib/cni",
			PluginCacheDir:     "/var/lib/cni/cache",
		},
		"",
		"cgroupfs",
		"/var/lib/dockershim",
	)
	if err != nil {
		return err
	}
	if err := service.Start(); err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.MaxSendMsgSize(16<<20))
	runtimeapi.RegisterRuntimeServiceServer(server, service)
	runtimeapi.RegisterImageServiceServer(server, withDisk{service})
	os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	inOldWords := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, "/runtime.v1.", "/runtime.v1alpha2.", 1)
		server.ServeHTTP(w, r)
	})
	return http.Serve(listener, h2c.NewHandler(inOldWords, &http2.Server{}))
}

func streamingConfig(address string) *streaming.Config {
	config := streaming.DefaultConfig
	config.Addr = net.JoinHostPort(address, "0")
	return &config
}

// withDisk answers what the kubelet once asked another part of itself.
type withDisk struct{ dockershim.CRIService }

const dockerRoot = "/var/lib/docker"

func (withDisk) ImageFsInfo(context.Context, *runtimeapi.ImageFsInfoRequest) (*runtimeapi.ImageFsInfoResponse, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dockerRoot, &disk); err != nil {
		return nil, err
	}
	return &runtimeapi.ImageFsInfoResponse{ImageFilesystems: []*runtimeapi.FilesystemUsage{{
		Timestamp:  time.Now().UnixNano(),
		FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: dockerRoot},
		UsedBytes:  &runtimeapi.UInt64Value{Value: (disk.Blocks - disk.Bfree) * uint64(disk.Bsize)},
		InodesUsed: &runtimeapi.UInt64Value{Value: disk.Files - disk.Ffree},
	}}}, nil
}
