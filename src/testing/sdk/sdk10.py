"""Bittensor SDK 10.2 against a chain, one JSON line a check: sdk10.py ENDPOINT FOLDER SEALED_HEX"""
import json
import os
import sys
import tempfile

os.environ["HOME"] = tempfile.mkdtemp()  # the SDK makes folders there on import
ENDPOINT, FOLDER, SEALED = sys.argv[1:4]
sys.argv = sys.argv[:1]  # the SDK reads the command line
NETUID = 2
ROUND, SIGNATURE = 1000, "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"

import bittensor as bt  # noqa: E402
import bittensor_drand as drand  # noqa: E402
from bittensor_wallet import Keyfile, Keypair  # noqa: E402


class DevWallet:
    """What transactions touch of a wallet, from public dev keys: no files."""

    def __init__(self, uri):
        self.name = uri
        self.coldkey = self.coldkeypub = Keypair.create_from_uri(uri)
        self.hotkey = self.hotkeypub = Keypair.create_from_uri(uri + "//hot")

    def unlock_coldkey(self):
        return self.coldkey

    def unlock_hotkey(self):
        return self.hotkey


validator, miner, other = DevWallet("//Validator"), DevWallet("//Miner0"), DevWallet("//Miner1")
VALIDATOR, MINER = validator.hotkey.ss58_address, miner.hotkey.ss58_address
REVEALED = Keypair.create_from_uri("//Miner2//hot").ss58_address
chain = bt.Subtensor(network=ENDPOINT)
last = {}


def check(name):
    """Runs a check at once; whatever it throws is its result."""

    def run(action):
        try:
            ok, detail = action()
        except BaseException as error:  # the SDK may exit
            ok, detail = False, f"{type(error).__name__}: {error}"
        print(json.dumps({"check": name, "ok": bool(ok), "detail": str(detail)[:2000]}), flush=True)

    return run


def control(method, *params):
    return chain.substrate.rpc_request(method, list(params)).get("result")


def sent(response):
    receipt = response.extrinsic_receipt
    last["block"] = getattr(receipt, "block_hash", None)
    return response.success, response.message


check("block")(lambda: (chain.get_current_block() >= 0, chain.block))
check("balance")(lambda: (chain.get_balance(validator.coldkeypub.ss58_address).rao > 0, ""))
check("hyperparameters")(lambda: (chain.get_subnet_hyperparameters(NETUID).tempo == 20, ""))
check("neurons lite")(lambda: (chain.neurons_lite(NETUID)[1].hotkey == VALIDATOR, ""))
check("neurons")(lambda: (chain.neurons(NETUID)[1].validator_permit, ""))
check("metagraph lite")(lambda: (chain.metagraph(NETUID).hotkeys[1] == VALIDATOR, ""))
check("metagraph full")(lambda: (chain.metagraph(NETUID, lite=False).hotkeys[1] == VALIDATOR, ""))


@check("metagraph selective")
def _():
    index = bt.SelectiveMetagraphIndex
    info = chain.get_metagraph_info(NETUID, selected_indices=[index.Hotkeys, index.Validators])
    return info.hotkeys[1] == VALIDATOR and info.axons is None, info.validators


check("set_commitment")(lambda: sent(chain.set_commitment(miner, NETUID, "hello from 10")))


@check("events")
def _():
    events = [(item["event"]["module_id"], item["event"]["event_id"]) for item in chain.substrate.get_events(block_hash=last["block"])]
    return ("Commitments", "Commitment") in events, events


check("commitments in bulk")(lambda: (chain.get_all_commitments(NETUID).get(MINER) == "hello from 10", ""))
check("revealed commitments")(
    lambda: (chain.get_all_revealed_commitments(NETUID)[REVEALED][0][1] == '{"sealed":"by us"}', chain.get_all_revealed_commitments(NETUID))
)
check("set_reveal_commitment")(
    lambda: sent(chain.set_reveal_commitment(other, NETUID, "sealed by 10", blocks_until_reveal=1, block_time=1))
)


def weights():
    control("dev_newBlock", {"count": 2})  # the SDK wants a block between the last update and now
    return sent(chain.set_weights(validator, NETUID, uids=[2, 3], weights=[0.25, 0.75], max_attempts=1))


check("set_weights plain")(weights)
check("weights read back")(lambda: (dict(chain.weights(NETUID)).get(1) == [(2, 21845), (3, 65535)], chain.weights(NETUID)))
control("dev_setCommitReveal", True)
check("set_weights timelocked")(weights)
check("timelocked weights wait")(lambda: (bool(chain.get_timelocked_weight_commits(NETUID)), ""))

# The library's own envelope around a ciphertext: compact length in front, round behind.
sealed, _round = drand.encrypt_at_round(b"sealed by Rust", ROUND)
check("sealed by Rust")(lambda: (True, bytes(sealed).hex()))
ours = bytes.fromhex(SEALED)
head = (len(ours) << 2 | 1).to_bytes(2, "little")
check("opens ours")(
    lambda: (drand.decrypt_with_signature(head + ours + ROUND.to_bytes(8, "little"), SIGNATURE) == b"sealed by TypeScript", "")
)

os.makedirs(FOLDER, exist_ok=True)
WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
KEYS = {
    "uri": Keypair.create_from_uri("//Miner0"),
    "mnemonic": Keypair.create_from_mnemonic(WORDS),
    "seed": Keypair.create_from_seed("0x" + "41" * 32),
}
for name, pair in KEYS.items():
    Keyfile(f"{FOLDER}/{name}", name).set_keypair(pair, encrypt=False, overwrite=True)
Keyfile(f"{FOLDER}/encrypted", "encrypted").set_keypair(KEYS["mnemonic"], encrypt=True, overwrite=True, password="test-password-123")
print(json.dumps({"check": "keyfiles", "ok": True, "detail": json.dumps({name: pair.ss58_address for name, pair in KEYS.items()})}), flush=True)
