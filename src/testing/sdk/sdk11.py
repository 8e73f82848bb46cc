"""Bittensor SDK 11.3 against a chain, one JSON line a check: sdk11.py ENDPOINT FOLDER SEALED_HEX"""
import asyncio
import json
import os
import sys
import tempfile

os.environ["HOME"] = tempfile.mkdtemp()  # the SDK caches metadata by genesis and spec version there
ENDPOINT, _FOLDER, SEALED = sys.argv[1:4]
NETUID = 2
ROUND, SIGNATURE = 1000, "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"

import bittensor as bt  # noqa: E402
import bittensor_core as core  # noqa: E402
from bittensor.sp_core import Keypair  # noqa: E402


class DevWallet:
    """A wallet from public dev keys: no files."""

    def __init__(self, uri):
        self.coldkey = self.coldkeypub = Keypair.create_from_uri(uri)
        self.hotkey = self.hotkeypub = Keypair.create_from_uri(uri + "//hot")


validator, miner, other = DevWallet("//Validator"), DevWallet("//Miner0"), DevWallet("//Miner1")
VALIDATOR, MINER = validator.hotkey.ss58_address, miner.hotkey.ss58_address
last = {}


async def check(name, action):
    """Awaits a check; whatever it throws is its result."""
    try:
        ok, detail = await action
    except BaseException as error:
        ok, detail = False, f"{type(error).__name__}: {error}"
    print(json.dumps({"check": name, "ok": bool(ok), "detail": str(detail)[:2000]}), flush=True)


async def main():
    client = bt.Client(ENDPOINT)
    await client.connect()

    async def control(method, *params):
        return await client._substrate.raw.rpc_request(method, list(params))

    def sent(result):
        last["block"] = result.block_hash or last.get("block")
        return result.success, result.message

    async def block():
        return await client.block() >= 0, ""

    async def balance():
        return (await client.balances.get(validator.coldkeypub.ss58_address)).rao > 0, ""

    async def hyperparameters():
        return (await client.subnets.subnet_hyperparameters(NETUID))["tempo"] == 20, ""

    async def neurons(lite):
        found = await client.neurons.all(NETUID, lite=lite)
        return found[1].hotkey == VALIDATOR and found[1].validator_permit, ""

    async def metagraph():
        return (await client.subnets.metagraph(NETUID)).hotkeys[1] == VALIDATOR, ""

    async def selective():
        call = bt.runtime_api.SubnetInfoRuntimeApi.get_selective_metagraph
        record = await client.runtime(call, [NETUID, [0, 7, 52, 57, 73]])
        return record["hotkeys"][1] == VALIDATOR and record["axons"] is None, ""

    async def commit(wallet, field):  # this version has no wrapper for commitments
        call = bt.calls.Commitments.set_commitment(netuid=NETUID, info={"fields": [[field]]})
        return sent(await client.submit_call(call, wallet, signer="hotkey"))

    async def set_commitment():
        data = b"hello from 11"
        return await commit(miner, {f"Raw{len(data)}": "0x" + data.hex()})

    async def events():
        found = [(item["event"]["module_id"], item["event"]["event_id"]) for item in await client._substrate.events(last["block"])]
        return ("Commitments", "Commitment") in found, found

    async def commitments():
        rows = await client.identity.commitments(NETUID)
        return any(row["commitment"] == "hello from 11" for row in rows), rows

    async def revealed():
        rows = await client.query_map(bt.storage.Commitments.RevealedCommitments, [NETUID])
        return "by us" in str(rows) or bytes('{"sealed":"by us"}', "utf8").hex() in str(rows), rows

    async def set_reveal_commitment():
        sealed, reveal_round = core.get_encrypted_commitment("sealed by 11", 1, 1.0)
        return await commit(other, {"TimelockEncrypted": {"encrypted": "0x" + sealed.hex(), "reveal_round": reveal_round}})

    async def set_weights():
        await control("dev_newBlock", {"count": 2})
        return sent(await client.execute(bt.SetWeights(netuid=NETUID, weights={2: 0.25, 3: 0.75}), validator))

    async def weights():
        rows = await client.weights.weights(NETUID)
        return set(rows.get(1, {})) == {2, 3}, rows

    async def timelocked():
        await control("dev_setCommitReveal", True)
        ok, detail = await set_weights()
        return ok and bool(await client.weights.timelocked_weight_commits(NETUID)), detail

    async def seals():
        return True, bytes(core.encrypt_at_round(b"sealed by Rust", ROUND)[0]).hex()

    async def opens():
        ours = bytes.fromhex(SEALED)
        head = (len(ours) << 2 | 1).to_bytes(2, "little")
        return core.decrypt_with_signature(head + ours + ROUND.to_bytes(8, "little"), SIGNATURE) == b"sealed by TypeScript", ""

    for name, action in [
        ("block", block()),
        ("balance", balance()),
        ("hyperparameters", hyperparameters()),
        ("neurons lite", neurons(True)),
        ("neurons", neurons(False)),
        ("metagraph full", metagraph()),
        ("metagraph selective", selective()),
        ("set_commitment", set_commitment()),
        ("events", events()),
        ("commitments in bulk", commitments()),
        ("revealed commitments", revealed()),
        ("set_reveal_commitment", set_reveal_commitment()),
        ("set_weights plain", set_weights()),
        ("weights read back", weights()),
        ("set_weights timelocked", timelocked()),
        ("sealed by Rust", seals()),
        ("opens ours", opens()),
    ]:
        await check(name, action)
    await client.close()


asyncio.run(main())
