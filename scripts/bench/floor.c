// The floor: a raw socket client that only stamps. floor HOST PORT STREAMS BODY; two passes, the second counts. Prints the errors in ns as the
// Node client does. Every read is stamped first and parsed after the pass.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct read_at { int64_t at; size_t from, to; };
struct stream { char *text; size_t length, room; struct read_at *reads; size_t count, space; };

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pass(int n, int *sockets, const char *request, int print) {
  int poll = epoll_create1(0), open = n;
  struct stream *streams = calloc(n, sizeof *streams);
  for (int i = 0; i < n; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event);
    streams[i].text = malloc(streams[i].room = 1 << 20);
    streams[i].reads = malloc(sizeof(struct read_at) * (streams[i].space = 65536));
  }
  for (int i = 0; i < n; i++)
    if (write(sockets[i], request, strlen(request)) < 0) exit(1);
  while (open > 0) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, 10000);
    if (ready <= 0) exit(2);
    for (int e = 0; e < ready; e++) {
      struct stream *s = &streams[events[e].data.u32];
      ssize_t got = read(sockets[events[e].data.u32], s->text + s->length, s->room - s->length - 1);
      int64_t at = now();
      if (got <= 0 || s->count == s->space) exit(3);
      s->reads[s->count++] = (struct read_at){at, s->length, s->length + got};
      s->length += got;
      s->text[s->length] = 0;
      if (s->length >= 5 && memcmp(s->text + s->length - 5, "0\r\n\r\n", 5) == 0) open--;
    }
  }
  if (print) {
    for (int which = 0; which < 2; which++) {
      printf(which ? "],\"all\":[" : "{\"first\":[");
      int any = 0;
      for (int i = 0; i < n; i++) {
        size_t r = 0;
        for (char *p = streams[i].text; (p = strstr(p, "\"content\":\" ")); p++) {
          char *end = strstr(p, "\n\n");
          while (streams[i].reads[r].to < (size_t)(end - streams[i].text + 2)) r++;
          printf("%s%lld", any++ ? "," : "", (long long)(streams[i].reads[r].at - strtoll(p + 12, NULL, 10)));
          if (!which) break;
        }
      }
    }
    printf("],\"cpuNs\":0,\"wallNs\":0}\n");
  }
  close(poll);
}

int main(int argc, char **argv) {
  if (argc != 5) return 64;
  int n = atoi(argv[3]), one = 1, *sockets = malloc(sizeof(int) * n);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &to.sin_addr);
  char request[4096];
  snprintf(request, sizeof request, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(argv[4]), argv[4]);
  for (int i = 0; i < n; i++) {
    sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(sockets[i], (struct sockaddr *)&to, sizeof to)) return 65;
  }
  pass(n, sockets, request, 0);
  pass(n, sockets, request, 1);
  return 0;
}
