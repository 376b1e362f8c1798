"""A transport within one process that loses messages, repeats others and pickles all of them, as the real one may."""

import pickle
import queue
import threading
from collections import defaultdict


class LossyTransport:
    """Loses the first ``lost`` messages of every topic, and after that every third one."""

    def __init__(self, lost=2):
        self._lost = lost
        self._count = defaultdict(int)
        self._listeners = defaultdict(list)
        self._lock = threading.Lock()
        self._waiting = queue.Queue()
        self.sent = []
        threading.Thread(target=self._deliver, daemon=True).start()

    def send(self, topic, message):
        data = pickle.dumps(message)
        with self._lock:
            self.sent.append(message)
            self._count[topic] += 1
            number = self._count[topic]
        if number <= self._lost or number % 3 == 0:
            return
        self._waiting.put((topic, data))
        if number % 4 == 0:
            self._waiting.put((topic, data))

    def listen(self, topic, function):
        self._listeners[topic].append(function)

    def _deliver(self):
        while True:
            topic, data = self._waiting.get()
            for function in list(self._listeners[topic]):
                function(pickle.loads(data))
