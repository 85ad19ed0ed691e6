"""A server stays awake for a moment after its answers, and then sleeps."""

import asyncio
import time

from ml.serving.wakefulness import SECONDS_AWAKE, Wakefulness


def test_it_goes_on_for_a_moment_after_the_last_answer_and_sleeps_then() -> None:
    async def turns_of_the_loop() -> tuple[int, int]:
        wakefulness, loop = Wakefulness(), asyncio.get_running_loop()
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1
            wakefulness.stay()  # As an answer does.
            if turns < 3:
                loop.call_later(SECONDS_AWAKE / 2, turn)

        turn()
        await asyncio.sleep(SECONDS_AWAKE * 50)
        before = time.thread_time()
        await asyncio.sleep(SECONDS_AWAKE * 50)
        return turns, round((time.thread_time() - before) / (SECONDS_AWAKE * 50))

    assert asyncio.run(turns_of_the_loop()) == (3, 0), "asleep, it takes no time of a processor"
