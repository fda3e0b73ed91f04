/** Every bound of the product in one place, with its unit in the name and its reason beside it. */

// Proxy
/** Request or response head; larger is answered 431 (RFC 6585 §5). nginx and haproxy allow 32 and 16 KiB. */
export const HEAD_BYTES_MAX = 64 * 1024;
/** From the first byte of a request's head to its last; later is answered 408. As nginx and Node have it. */
export const HEAD_MS_MAX = 60_000;
/** One size line of the chunked coding with its extensions (RFC 9112 §7.1.1); longer ones are an attack. */
export const CHUNK_LINE_BYTES_MAX = 4 * 1024;
/** Streams that one HTTP/2 client may have open; servers without a limit of their own (gRPC's) let clients use many. */
export const HTTP2_STREAMS_MAX = 1_000;
/** What a peer may send on one stream, and on all of a connection, before somebody has read it (RFC 9113 §6.9). */
export const HTTP2_STREAM_WINDOW_BYTES = 256 * 1024;
export const HTTP2_WINDOW_BYTES = 1024 * 1024;
/** Received on one connection and not yet sent on: beyond it a peer gets no further credit. */
export const HTTP2_HELD_BYTES_MAX = 4 * 1024 * 1024;
/** The dynamic table of HPACK, each direction; the protocol's own default (RFC 9113 §6.5.2). */
export const HTTP2_TABLE_BYTES_MAX = 4_096;
/** CONTINUATION frames of one header block: HEAD_BYTES_MAX takes four, and senders of small frames exist. */
export const HTTP2_CONTINUATIONS_MAX = 32;
/** Frames that carry nothing (PING, SETTINGS, empty DATA, WINDOW_UPDATE and such) in a burst, and a second; requests and data earn more. */
export const HTTP2_IDLE_FRAMES_MAX = 1_000;
export const HTTP2_IDLE_FRAMES_PER_S = 100;
/** Streams that a client resets, or loses by its own errors, in a burst, and a second. */
export const HTTP2_RESETS_MAX = 1_000;
export const HTTP2_RESETS_PER_S = 100;
/** Our own short frames that wait for a peer that does not read. */
export const HTTP2_WAITING_FRAMES_MAX = 1_000;
/** Recently closed streams that are remembered, as frames may still be on their way to them. A power of two. */
export const HTTP2_CLOSED_STREAMS_MAX = 256;
/**
 * A WebSocket over HTTP/2 waits so long for its server's offer to take it: sidecars on the way offer it only once they
 * have heard it from the application.
 */
export const HTTP2_OFFER_MS_MAX = 1_000;
/** Upstream connections of one client connection: one per space and service it talks to. */
export const UPSTREAMS_PER_CLIENT_MAX = 32;
/** After our last byte a client may still be sending; closing at once would reset the connection under its answer. */
export const CLOSE_LINGER_MS_MAX = 2_000;
/** Each of a sidecar's doors remembers the latest route to so many addresses and ports. */
export const DESTINATIONS_MAX = 256;
/** Read from a connection at once; it is read on behind all the others that are ready. */
export const READ_BYTES_MAX = 256 * 1024;
/** A larger request is composed in memory of its own. */
export const COMPOSED_BYTES = 64 * 1024;
/** Views of less that was read are kept and used again, one for each length. */
export const KEPT_VIEW_BYTES_MAX = 2 * 1024;
/** A connection that brought so much at once is read on behind the others, one such connection with each round. */
export const TURN_BYTES = 64 * 1024;
/** Sockets that the kernel tells of at once. */
export const EVENTS_MAX = 256;
/** Connections accepted before those that are there go on. */
export const ACCEPTS_MAX = 32;
/** Without memory or descriptors for another connection. */
export const ACCEPT_PAUSE_MS = 100;
/** The loop of the sockets waits so long by itself before it hands back to Bun's, and at the latest after so long. */
export const LOOP_IDLE_MS = 1;
export const LOOP_TURN_MS = 2;
/** How long a connection may take to show what it speaks before it is relayed as it is. */
export const SNIFF_MS_MAX = 1_000;
/** One dial from the sidecar; a dead address must not hold the client longer than its own patience. */
export const DIAL_MS_MAX = 5_000;
/** Of a cluster IP, where a pod behind it can be dialled instead. Inside a cluster a connection takes a few milliseconds. */
export const CLUSTER_IP_DIAL_MS_MAX = 250;
/** Requests to a session's application are held this long while nothing listens: it restarts with each save. */
export const RESTART_MS_MAX = 2_000;
/** How soon a refused dial is repeated there. */
export const DIAL_RETRY_MS = 10;
/** Requests with a space wait this long for the first route table, then pass unrouted. */
export const FIRST_TABLE_MS_MAX = 1_000;
/** postStart of the sidecar waits this long for the first table. */
export const READY_MS_MAX = 2_000;
/** In pods without `devspaces-proxy-init` postStart waits this long for the redirect; the application then starts without. */
export const REDIRECT_MS_MAX = 5_000;
/** One question to the node for the redirect, from the dial to the answer; a node under load takes half a second. */
export const REDIRECT_ASK_MS_MAX = 2_000;
/** How long the sidecar waits before it asks again; longer each time, as what is missing may be missing for long. */
export const REDIRECT_RETRY_MS_MIN = 100;
export const REDIRECT_RETRY_MS_MAX = 5_000;
/** Bytes of one short answer of controller, builder or `__rules`. */
export const SHORT_ANSWER_BYTES_MAX = 16 * 1024;
/** One order from the builder to `__rules`: a UID and at most all ports twice. */
export const RULES_ORDER_BYTES_MAX = 1024 * 1024;
/** The builder waits this long for `__rules`, which looks through the processes of the node. */
export const RULES_ANSWER_MS_MAX = 1_500;
/** How often `__rules` looks whether an application that is to end still runs. */
export const RUNNING_POLL_MS = 100;
/** One such question is answered after this long although it still runs. */
export const RUNNING_WAIT_MS_MAX = 10_000;
/** After SIGTERM the sidecar asks its node this long; before that the kubelet ends it with the pod's grace period. */
export const LINGER_KNOWN_MS_MAX = 60 * 60_000;
/** Where the node cannot be asked, the sidecar stays while the application still has sockets, at most this long. */
export const LINGER_MS_MAX = 60_000;
/** Quiet time without foreign sockets before the lingering sidecar exits. */
export const LINGER_QUIET_MS = 600;
/** Shortest stay then, for applications that open a socket only while shutting down. */
export const LINGER_MS_MIN = 1_500;

/** How often the lingering sidecar looks for sockets of the application. */
export const LINGER_POLL_MS = 200;
/** What a worker's engine takes for the memory of its machine: by it, it decides how much garbage to let lie. */
export const WORKER_MEMORY_BYTES = 128 * 1024 * 1024;
/** Connections that wait to be accepted, as while a worker is replaced; the kernel allows no more (net.core.somaxconn). */
export const LISTEN_BACKLOG = 4_096;
/** Workers that end sooner than that are replaced at once so often in a row; then the next waits, longer each time. */
export const WORKER_STABLE_MS = 10_000;
export const WORKER_QUICK_ENDS_MAX = 5;
export const WORKER_RESTART_MS_MIN = 50;
export const WORKER_RESTART_MS_MAX = 5_000;
/** After it has started a worker the supervisor unmaps the code that did it. */
export const SPAWN_SETTLED_MS = 500;
/** How often the supervisor asks its worker, how long it waits, and how often in vain before it ends the worker. */
export const WORKER_WATCH_MS = 10_000;
export const WORKER_ANSWER_MS_MAX = 5_000;
export const WORKER_WATCH_MISSES_MAX = 2;
/** How often the sidecar unmaps code: it costs a millisecond, and what it is for changes slowly. */
export const CODE_KEPT_MS = 60_000;
/** How often `__proxy-ready` asks. */
export const READY_POLL_MS = 10;
/** The kernel answers a netlink batch within microseconds; silence means that it never will. */
export const NETLINK_REPLY_MS_MAX = 500;
/** Search list of resolv.conf (Kubernetes, DNS for Services and Pods: 2048 characters). */
export const RESOLV_SEARCH_CHARS_MAX = 2048;

/** One question to the agent in the same pod, on loopback. */
export const AGENT_ANSWER_MS_MAX = 200;
/** Rest of a probe's time in which the agent is asked, if the application has not answered by then. */
export const PROBE_RESERVE_MS = 300;
/** Redirects within one probe, and bytes of the answer's body: both as the kubelet has them. */
export const PROBE_REQUESTS_MAX = 10;
export const PROBE_BODY_BYTES_MAX = 10 * 1024;

// Traces
/** What one sidecar remembers of exchanges that nobody listened to: about 1,500 of them. */
export const TRACE_RING_BYTES_MAX = 512 * 1024;
export const TRACE_RECORDS_MAX = 2_048;
/** A client of the traces that has not said by then what it wants gets the default. */
export const TRACE_WISH_MS_MAX = 1_000;
export const TRACE_WISH_BYTES_MAX = 4 * 1024;
export const TRACE_CLIENTS_MAX = 8;
/** Messages that wait for one client; more are left out, and their number is told. */
export const TRACE_QUEUE_MAX = 2 * TRACE_RECORDS_MAX + 1_024;
/** Messages written at a time, and how often: what is told costs at most a tenth of a core. */
export const TRACE_FLUSH_MAX = 250;
export const TRACE_FLUSH_MS = 25;
/** Of one message, head and body as they came; and of its body what is told. */
export const TRACE_MESSAGE_BYTES_MAX = 32 * 1024;
export const TRACE_BODY_BYTES_MAX = 16 * 1024;
/** Of the trailers of one message by HTTP/2: gRPC's own limit of what a client takes is 8 KiB. */
export const TRACE_TRAILERS_BYTES_MAX = 8 * 1024;
/** Exchanges whose messages are kept at one time; those of more are told without. */
export const TRACE_CAPTURES_MAX = 64;
/** One message of the traces as the client reads it: two heads and two bodies, escaped. */
export const TRACE_LINE_BYTES_MAX = 1024 * 1024;
/** Exchanges of one pod that the client knows at one time. */
export const TRACES_OPEN_MAX = 8_192;
/** Pods whose traces one command follows, each with a forwarded port. */
export const TRACE_PODS_MAX = 100;
/** Spans sent to a collector at a time, how often, and how long it may take; those of a collector that lags are dropped. */
export const OTLP_BATCH_MAX = 512;
export const OTLP_EVERY_MS = 1_000;
export const OTLP_POST_MS_MAX = 5_000;
export const OTLP_QUEUE_MAX = 4_096;

// Explaining a route
/** Sidecars of one space that are asked for their table before the next space is. */
export const ROUTE_SIDECARS_ASKED_MAX = 3;
export const ROUTE_TABLE_MS_MAX = 5_000;
/** Names listed where one is unknown. */
export const ROUTE_NAMES_MAX = 20;
/** ExternalNames that lead to one another. */
export const ROUTE_ALIASES_MAX = 8;
/** The one request of `--live`, its answer included. */
export const LIVE_REQUEST_MS_MAX = 30_000;
/** Traces of one pod are read at once and end; a pod that tells nothing in this time is left out. */
export const LIVE_READ_MS_MAX = 5_000;
/** An exchange is noted a moment after its last byte: pods that should have seen it are asked so often, at this distance. */
export const LIVE_READS_MAX = 5;
export const LIVE_READ_AGAIN_MS = 200;

// Gateway
/** How often the mounted TLS Secret is looked at; the kubelet itself brings a change within a minute. */
export const GATEWAY_CERTIFICATE_MS = 5_000;
/** After SIGTERM the gateway still accepts: endpoints and load balancers follow within this. */
export const GATEWAY_LEAVE_MS = 3_000;
/** Then its connections may end by themselves; with GATEWAY_LEAVE_MS below the pod's grace period. */
export const GATEWAY_DRAIN_MS_MAX = 20_000;

/** How often the CLI asks whether the gateway has got its address: minutes are usual, and a laptop asks for each `up`. */
export const GATEWAY_ADDRESS_POLL_MS = 5_000;

// Feed and controller
export const FEED_PING_MS = 10_000;
/** A feed that is silent this long is dead: three missed pings. */
export const FEED_SILENCE_MS_MAX = 30_000;
/** From the dial to the end of the handshake: an address whose pod has just gone swallows the SYN and never answers. */
export const FEED_CONNECT_MS_MAX = 3_000;
/** One line of the feed; the snapshot of a tree of thousands of Services is a few MiB. */
export const FEED_LINE_BYTES_MAX = 32 * 1024 * 1024;
export const RECONNECT_MS_MIN = 100;
export const RECONNECT_MS_MAX = 5_000;
/** Bytes a feed client may lag behind before it is cut off and starts again from a snapshot. */
export const FEED_BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
/** Changes within this time travel together: a rollout touches many endpoints at once. */
export const FEED_TICK_MS = 20;
/** A feed asked for before the first lists are complete waits this long for them, then is told to come again. */
export const FEED_SYNC_MS_MAX = 10_000;
/** Validity of a token review in the controller's and builder's caches. */
export const TOKEN_REVIEW_CACHE_MS = 60_000;
/** Reviews remembered at once; the oldest is forgotten first. */
export const TOKEN_REVIEWS_MAX = 10_000;
/** Leadership of the controller: how long it lasts without renewal, as Kubernetes' own components choose it. */
export const LEADER_LEASE_MS = 15_000;
/** A leader that could not renew for this long steps down, well before another may take over. */
export const LEADER_RENEW_MS_MAX = 10_000;
export const LEADER_RETRY_MS = 2_000;
/** One call for leadership; with LEADER_RENEW_MS_MAX it stays below LEADER_LEASE_MS. */
export const LEADER_CALL_MS_MAX = 4_000;
/** The leader compares wish and cluster at least this often, whether something changed or not. */
export const RECONCILE_MS = 30_000;
/** After a change the leader waits this long for others before it reconciles. */
export const RECONCILE_DELAY_MS = 100;
/** Changes to the cluster that one reconciliation has under way at once. */
export const RECONCILE_CALLS_MAX = 8;
/** Attempts to write one object that others write too. */
export const CONFLICTS_MAX = 5;
export const CERTIFICATE_AUTHORITY_DAYS = 3_650;
export const CERTIFICATE_DAYS = 365;
/** Certificates begin this much in the past, for nodes whose clocks lag. */
export const CERTIFICATE_BACKDATE_MS = 60 * 60_000;

// Servers of ours (TLS)
/** A connection that has not finished its handshake by then is cut. */
export const TLS_HANDSHAKE_MS_MAX = 10_000;
/** Idle keep-alive connections; longer than the API server's and Go's 90 s, so that the client closes first. */
export const HTTP_IDLE_MS_MAX = 120_000;
/** After the request to close, connections still at work are cut after this long. */
export const SERVER_CLOSE_MS_MAX = 2_000;

// Webhook
/** AdmissionReview bodies: two objects of at most 1.5 MiB (etcd's limit on a request) and their wrapping. */
export const ADMISSION_BODY_BYTES_MAX = 4 * 1024 * 1024;
/** A hung webhook costs each create its whole time-out, so it is short. Seconds, as Kubernetes counts it. */
export const ADMISSION_TIMEOUT_S = 2;
/** One look-up during an admission; two in a row must stay well under ADMISSION_TIMEOUT_S. */
export const ADMISSION_LOOKUP_MS_MAX = 500;
/** Ancestors of a space that a pod is told of; Kubernetes allows 32 DNS search domains. */
export const ANCESTORS_MAX = 32;
/** After SIGTERM the webhook still answers this long, until no API server sends it anything. */
export const ADMISSION_DRAIN_MS = 2_000;
/** Events being written at once, and recent ones not written again; more are dropped. */
export const EVENTS_IN_FLIGHT_MAX = 8;
export const EVENTS_REMEMBERED_MAX = 512;
/** The API server's limit on the message of an event. */
export const EVENT_MESSAGE_CHARS_MAX = 1_024;

// Wire and sync
export const MUX_FRAME_BYTES_MAX = 64 * 1024;
/** Bytes a stream's sender may have unacknowledged. */
export const MUX_WINDOW_BYTES = 1024 * 1024;
export const MUX_STREAMS_MAX = 256;
/** Name of a stream in UTF-8. */
export const MUX_NAME_BYTES_MAX = 1024;
/** Reason of a broken stream as it travels to the peer, in characters. */
export const MUX_REASON_CHARS_MAX = 4096;
export const HEARTBEAT_MS = 1_000;
/** A peer that answers no heartbeat for this long is gone. */
export const HEARTBEAT_MS_MAX = 10_000;
export const MESSAGE_HEAD_BYTES_MAX = 32 * 1024 * 1024;
export const MESSAGE_BODY_BYTES_MAX = 1024 * 1024;
/** Bytes of a socket held for a reader that does not read, before the socket is paused. */
export const SOCKET_BACKLOG_BYTES_MAX = 256 * 1024;
export const SYNC_FILES_MAX = 500_000;
/** Entries or hashes in one message: a few MiB of head, well below MESSAGE_HEAD_BYTES_MAX with the longest paths. */
export const SYNC_BATCH_MAX = 4_000;
/** Linux' PATH_MAX and NAME_MAX, in bytes. */
export const PATH_BYTES_MAX = 4096;
export const PATH_SEGMENT_BYTES_MAX = 255;
/** A file that changes while it is read is read again this often; then the last reading counts. */
export const SYNC_READS_MAX = 3;
/** A file younger than this may change once more without a new time stamp, so its hash is not remembered. */
export const HASH_CACHE_AGE_MS_MIN = 1_000;
/** The same for hashes that are kept between commands, on any file system: FAT counts in steps of two seconds. */
export const KEPT_HASH_AGE_MS_MIN = 3_000;
/** Build contexts whose hashes are kept; those of the others are the oldest. */
export const KEPT_HASH_CONTEXTS_MAX = 32;
/** Files looked at or written before other work gets its turn. */
export const FILES_PER_TURN = 64;
export const SYNC_FILE_BYTES_MAX = 4 * 1024 * 1024 * 1024;
/** Files that may come back from a container at one time, and paths looked at to find them. */
export const SYNC_BACK_FILES_MAX = 20_000;
export const SYNC_BACK_LOOKED_MAX = 200_000;
/** Of one file that comes back, and of all that come back at one time. */
export const SYNC_BACK_FILE_BYTES_MAX = 256 * 1024 * 1024;
export const SYNC_BACK_BYTES_MAX = 1024 * 1024 * 1024;
/** A file that may come back was not written to for this long: package managers write theirs in pieces. */
export const SYNC_BACK_SETTLE_MS = 200;
/** A first look waits no longer than this for files that are still written to. */
export const SYNC_BACK_FIRST_MS_MAX = 2_000;
/** Folders that are watched for files that may come back. What lies in others is found by looking again. */
export const SYNC_BACK_WATCHES_MAX = 1_000;
/** Everything is looked at again so long after the last look, and not sooner than so many times what that took. */
export const SYNC_BACK_RESCAN_MS = 5_000;
export const SYNC_BACK_RESCAN_SHARE = 50;
/** Bytes of a difference that its stream has not taken yet; beyond it the sender waits. */
export const SYNC_BURST_BYTES_MAX = 4 * 1024 * 1024;
/** Contents read ahead before the entries they belong to are told. */
export const SYNC_AHEAD_BYTES_MAX = 4 * 1024 * 1024;

// Builder
/** A client says who it is at once; service-account tokens are about 1 KiB. */
export const BUILDER_HELLO_MS_MAX = 10_000;
export const BUILDER_HELLO_BYTES_MAX = 32 * 1024;
/** For a look at an image in a registry, or for taking its description from there. */
export const REGISTRY_MS_MAX = 30_000;
/** How long `status` waits for buildkitd, and a look at an image for Docker. */
export const BUILDER_STATUS_MS_MAX = 5_000;
/** Until Docker has handed a connection to its BuildKit. */
export const DOCKER_UPGRADE_MS_MAX = 10_000;
/** Docker writes a whole image to its disk before it gives the first byte of its archive; Bun waits 255 s at most. */
export const DOCKER_SILENCE_S_MAX = 240;
/** Sources that no sync has touched for this long are removed from the node. */
export const BUILDER_IDLE_MS_MAX = 7 * 24 * 60 * 60_000;
/** Sources of one namespace on one node; beyond it the longest unused go first. */
export const BUILDER_NAMESPACE_BYTES_MAX = 10 * 1024 * 1024 * 1024;
/** Records of built images of one namespace, about 1 KiB each. */
export const BUILDER_IMAGE_RECORDS_MAX = 2_000;
/** On a full disk, sources that nobody used for so long go, and BuildKit gets so long to remove its cache. */
export const BUILDER_FULL_IDLE_MS_MAX = 60 * 60_000;
export const BUILDER_PRUNE_MS_MAX = 120_000;
export const BUILDER_CLEAN_INTERVAL_MS = 6 * 60 * 60_000;
/** A missing image is looked for again after this long, then in growing intervals: nodes come back, and new ones come. */
export const RESTORE_RETRY_MS_MIN = 2_000;
export const RESTORE_RETRY_MS_MAX = 60_000;
/**
 * An image made this recently is there without a look (0.1 s): the kubelet collects none younger than two minutes
 * (imageMinimumGCAge), and what a person removes is missed by the pod and brought back then.
 */
export const IMAGE_BELIEVED_MS = 60_000;
/** Builders of other nodes that are asked for an image at once. */
export const PEERS_ASKED_MAX = 16;
/** Builders of other nodes are waited for this long when a pod asks for edits; it starts without theirs then. */
export const EDITS_PEERS_MS_MAX = 5_000;
/** In a pod that starts, from the question for its edits to their last byte; it starts without them then. */
export const EDITS_TAKEN_MS_MAX = 15_000;
/** Configuration and layers of one image; overlayfs takes 500 layers at most, container engines 127. */
export const IMAGE_PARTS_MAX = 512;
export const BUILD_MS_MAX = 60 * 60_000;
/** The builder's one-line answer to a hello. */
export const BUILDER_WELCOME_BYTES_MAX = 64 * 1024;
/** Secrets of one build, and bytes of one: BuildKit takes 500 KiB. */
export const BUILD_SECRETS_MAX = 32;
export const BUILD_SECRET_BYTES_MAX = 500 * 1024;
/** Memory of a node for the secrets of all builds that run there. */
export const BUILD_SECRETS_MEMORY = "32Mi";
export const BUILD_LOG_LINE_BYTES_MAX = 64 * 1024;
/** Last lines of a failed step that go into the error. */
export const BUILD_FAILURE_LOG_LINES_MAX = 20;
/** Last lines of buildctl's own words, among them the excerpt of the Dockerfile. */
export const BUILD_SAID_LINES_MAX = 200;
/** One line of a program's output; one status of a large build is a few hundred KiB. */
export const PROCESS_LINE_BYTES_MAX = 8 * 1024 * 1024;
/** `__build` stays this long after its images are there, so that clients of its tunnel read the end of their build. */
export const BUILD_LEAVE_MS = 200;

// Kubernetes client
export const API_CALL_MS_MAX = 30_000;
/** Watches ask the server to end them after this long, so that a silent cut cannot last longer. Seconds. */
export const WATCH_TIMEOUT_S = 290;
export const WATCH_LINE_BYTES_MAX = 16 * 1024 * 1024;
export const UPGRADE_MS_MAX = 10_000;
export const WEBSOCKET_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a forwarded connection in one WebSocket message. */
export const FORWARD_MESSAGE_BYTES_MAX = 64 * 1024;
/** Below the idle limits of common load balancers (60 s and more). */
export const FORWARD_PING_MS = 25_000;
/** The API server closes right after it told how a command ended. */
export const EXEC_CLOSE_MS_MAX = 2_000;

// Command line
/** Preflight to ready; enabling waits no longer for the parts to start. */
export const ENABLE_MS_MAX = 120_000;
/** A namespace is gone when its pods are; finalizers of others may hold it for ever. */
export const NAMESPACE_REMOVAL_MS_MAX = 90_000;
/** A kubelet that is slow to show its configuration is taken for one that may not be asked. */
export const CONFIGZ_MS_MAX = 2_000;
export const HELM_MS_MAX = 5 * 60_000;
/** From an accepted release to a ready pod, not counting the build. */
export const POD_READY_MS_MAX = 5 * 60_000;
/** Of an application's output, kept for a late reader. */
export const OUTPUT_BACKLOG_BYTES_MAX = 256 * 1024;
/** Longer lines reach readers in pieces. */
export const OUTPUT_LINE_BYTES_MAX = 64 * 1024;
/** Whole lines that reach readers in one message; below MESSAGE_BODY_BYTES_MAX, and room for the longest line. */
export const OUTPUT_CHUNK_BYTES_MAX = 256 * 1024;
/** After the application's end its output is read on this long: descendants may hold the pipes for ever. */
export const OUTPUT_DRAIN_MS_MAX = 500;
/** What the application had written itself by then is waited for longer: whoever reads the container's log may be slow. */
export const OUTPUT_OWED_MS_MAX = 30_000;
/**
 * Of each pipe that an application writes into. All processes of a user on a node share 64 MiB (pipe(7),
 * pipe-user-pages-soft), so that larger ones would leave pipes of two pages to the containers after them.
 */
export const OUTPUT_PIPE_BYTES = 256 * 1024;
/** After less than this was read from such a pipe, it is left alone for so long: one wake-up then serves many lines. */
export const OUTPUT_GATHER_BYTES = 32 * 1024;
export const OUTPUT_GATHER_MS = 2;
/** One look for orphans collects at most this many; the next look comes REAP_INTERVAL_MS later. */
export const REAP_PASS_MAX = 1_000;
export const REAP_INTERVAL_MS = 1_000;
/** Paths that `__seed` names of those it left out. */
export const SEED_NAMES_MAX = 20;
/** Time for the last lines, and again for the farewell, when the application has ended. */
export const AGENT_FAREWELL_MS_MAX = 500;
/** An application that ends this soon after its last client left is held for the client's return. */
export const AGENT_HOLD_GRACE_MS = 10_000;
/** A process that was asked to end (SIGTERM) in an update is killed after this long. */
export const AGENT_STOP_MS_MAX = 5_000;
/** How often the agent looks whether the last process of a group is gone. */
export const AGENT_STOP_POLL_MS = 10;
/** Updates that wait for another; more are refused. */
export const AGENT_UPDATES_MAX = 64;
/** Below this size a journal of synced files is never rewritten. */
export const JOURNAL_REWRITE_BYTES_MIN = 16 * 1024 * 1024;
/** One record of the journal without contents: the entries of SYNC_FILES_MAX files with long paths. */
export const JOURNAL_RECORD_BYTES_MAX = 512 * 1024 * 1024;
/** A session whose heartbeat is older than this may be taken over without asking. */
export const SESSION_STALE_MS = 60_000;
export const SESSION_HEARTBEAT_MS = 15_000;
export const PROCESS_OUTPUT_BYTES_MAX = 32 * 1024 * 1024;

// Engine
/** A forwarded connection whose dial is refused is dialled again for this long, and how soon: applications restart. */
export const REDIAL_MS_MAX = 5_000;
export const REDIAL_MS = 20;
/** Bytes kept to be written again; what a client says before the first answer is a request's head, rarely more. */
export const REDIAL_BYTES_MAX = 256 * 1024;
/** Pods in a row that were made without the webhook are deleted up to this often, the first after REMAKE_MS_MIN. */
export const REMAKES_MAX = 6;
export const REMAKE_MS_MIN = 500;
export const REMAKE_CALM_MS = 5 * 60_000;
/** While the way to the cluster is cut, a deployment is begun again for this long, and how soon. */
export const CUT_MS_MAX = 90_000;
export const CUT_RETRY_MS = 1_000;
/** A container that cannot be reached is tried again at least this often: somebody is waiting for their save. */
export const LINK_RECONNECT_MS_MAX = 1_000;
/** A running container that has not answered by then is told; it is tried further. */
export const LIVE_SETTLED_MS_MAX = 10_000;
/** After files were brought: what a save still has to do in the container comes first. */
export const MIRROR_DELAY_MS = 50;
/** Pause after edits were left with the builder, in which further ones gather. */
export const MIRROR_PAUSE_MS = 500;
/** The end of `up` waits this long for the last edits to be left there. */
export const MIRROR_FINISH_MS_MAX = 5_000;
/** One try to leave edits there; and the session's record tells of them this often at most. */
export const MIRROR_MS_MAX = 60_000;
export const MIRROR_RECORD_MS = 3_000;
/** Services that one `up` finds by itself below a folder, and how deep it looks. */
export const PROJECTS_MAX = 20;
export const PROJECT_DEPTH_MAX = 3;
/** Times a session's Lease is written against others before giving up. */
export const SESSION_WRITES_MAX = 5;
/** Time for a pod with the session's tag to appear after Helm is done. */
export const POD_APPEARS_MS_MAX = 15_000;
/** Time an unschedulable pod gets for an autoscaler to bring a node. */
export const UNSCHEDULABLE_MS_MAX = 20_000;
/** A pod on a node without its image gets this long to have it fetched from the node that built it; then it is built there. */
export const IMAGE_FETCH_MS_MAX = 15_000;
/** A step of a build that says nothing for this long is mentioned, and again each time the silence has doubled. */
export const BUILD_SILENCE_MS = 10_000;
export const BUILD_LOOK_MS = 1_000;
/** A builder that went away in the middle of a build is waited for this long before the build is tried once more. */
export const BUILDER_RETURN_MS_MAX = 60_000;
/** Why it is still waited for is told after this time, and again each time it has doubled. */
export const BUILDER_AWAY_MS = 10_000;
/** A credential helper of Docker may ask a person; nobody answers for ever. */
export const CREDENTIAL_HELPER_MS_MAX = 30_000;
/** Tries to reach a tunnel whose container has only just started. */
export const TUNNEL_TRIES_MAX = 40;
export const TUNNEL_RETRY_MS = 50;
/** None begins later than this after the first: one into a dead node takes HEARTBEAT_MS_MAX to fail. */
export const TUNNEL_MS_MAX = 15_000;
/** A container without a readiness probe gets this long to listen or to fail before it counts as running. */
export const STARTUP_MS_MAX = 1_500;
/** A dial that was not refused within this time was accepted. */
export const LISTEN_QUIET_MS = 150;
export const LISTEN_RETRY_MS = 100;
/** Bytes of an application's output shown with a crash. */
export const CRASH_LOG_LINES_MAX = 20;
/** Connections of one forwarded port that may be open at once. */
export const FORWARD_CONNECTIONS_MAX = 256;
/** A program that was asked to stop (SIGTERM) is waited for this long. */
export const PROCESS_STOP_MS_MAX = 5_000;
/** Reports of bugs kept on disk; the oldest go first. */
export const CRASH_LOGS_MAX = 20;
/** The controller binds a new space's creator; until then the space cannot be used. */
export const SPACE_RIGHTS_MS_MAX = 10_000;
/** Deleting a namespace waits for its pods' grace periods. */
export const SPACE_REMOVED_MS_MAX = 120_000;
export const POLL_MS = 250;
/** Ancestors of one space; deeper trees are cycles or mistakes. */
export const SPACE_DEPTH_MAX = 32;
/** A request at a forwarded port waits this long for a ready pod while the service restarts. */
export const GATEWAY_WAIT_MS_MAX = 30_000;
/** Saves closer together than this are one change. Editors write, rename and delete within a few milliseconds. */
export const SAVE_SETTLE_MS = 5;
/** A file that was written over where it lies, and nothing else within this time, is a whole save. */
export const LONE_SAVE_SETTLE_MS = 1;
/** The same before a rebuild, which is too dear for half of what is being saved. */
export const REBUILD_SETTLE_MS = 40;
/** A file that is suddenly empty gets this long for the rest of its save. */
export const TRUNCATED_SAVE_MS = 30;
/** Above this many changed paths the whole context is read again: the kernel's queue of events may have run over. */
export const RESCAN_PATHS_MIN = 2_000;
/** After a set of so many changes, or of folders, everything is looked at once more, so much later. */
export const SECOND_LOOK_PATHS_MIN = 20;
export const SECOND_LOOK_MS = 300;
/** A request without a body is tried again at the local gateway for this long, and how soon. */
export const GATEWAY_RETRY_MS_MAX = 5_000;
export const GATEWAY_RETRY_MS = 100;

// Logs
/** Lines of several containers are held back this long, so that an older one of another container comes first. */
export const LOG_ORDER_MS = 200;
/** A log that is not open after this long is not waited for. */
export const LOG_OPEN_MS_MAX = 3_000;
/** Longer lines are shown in pieces. */
export const LOG_LINE_BYTES_MAX = 64 * 1024;
/** Read of one container and not shown yet, beside one portion of the network's. */
export const LOG_LANE_BYTES_MAX = 256 * 1024;
/** Shown before whoever reads our output is waited for. */
export const LOG_BURST_BYTES_MAX = 256 * 1024;
/** A followed log that says nothing for so long is opened anew: it may have been cut without a word. */
export const LOG_SILENCE_MS_MAX = 60_000;
/** Logs open at once; Bun's fetch takes 256 requests in flight. */
export const LOG_STREAMS_MAX = 100;
