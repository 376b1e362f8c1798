"""The double's side of the protocol: states of the game, the catalogue, answers to requests.

docs/reference/smac.md#messages
"""

from battlefield import Battlefield, Refusal
from faults import Faults
from s2clientprotocol import common_pb2, data_pb2, sc2api_pb2

from dizoo_ext.smac_multiarmy.embedded.units import RL_CATALOGUE, UNIT_NAMES, rl_name, unit_table

LAUNCHED, INIT_GAME, IN_GAME, ENDED = (
    sc2api_pb2.launched,
    sc2api_pb2.init_game,
    sc2api_pb2.in_game,
    sc2api_pb2.ended,
)
STATES = {
    "create_game": (LAUNCHED, ENDED),
    "join_game": (INIT_GAME,),
    "observation": (IN_GAME, ENDED),
    "leave_game": (IN_GAME, ENDED),
    "ping": (LAUNCHED, INIT_GAME, IN_GAME, ENDED),
}
"""States in which a request is allowed; all others only in a game."""


class Room:
    """One program: not in a game, or in one. A map file holds its width and height as text."""

    def __init__(self, faults: Faults) -> None:
        self.status = LAUNCHED
        self._faults = faults
        self._field: Battlefield | None = None

    def answer(self, request: sc2api_pb2.Request) -> sc2api_pb2.Response:
        """The response to any request."""
        name = request.WhichOneof("request")
        response = sc2api_pb2.Response(id=request.id)
        try:
            if self.status not in STATES.get(name, (IN_GAME,)):
                raise Refusal(f"{name} is not allowed in state {self.status}")
            answer = getattr(self, f"_{name}")(getattr(request, name))
            getattr(response, name).CopyFrom(answer)
        except Refusal as refusal:
            response.error.append(str(refusal))
        response.status = self.status
        return response

    def _ping(self, request) -> sc2api_pb2.ResponsePing:
        return sc2api_pb2.ResponsePing(game_version="4.6.2.69232", data_version="", data_build=69232, base_build=69232)

    def _create_game(self, request) -> sc2api_pb2.ResponseCreateGame:
        errors = sc2api_pb2.ResponseCreateGame
        if [player.type for player in request.player_setup] != [sc2api_pb2.Participant, sc2api_pb2.Computer]:
            return errors(error=errors.InvalidPlayerSetup)
        try:
            width, height = map(int, request.local_map.map_data.split())
        except ValueError:
            return errors(error=errors.InvalidMapData, error_details="not width and height")
        self._size, self._seed = (width, height), request.random_seed
        self.status = INIT_GAME
        return sc2api_pb2.ResponseCreateGame()

    def _join_game(self, request) -> sc2api_pb2.ResponseJoinGame:
        if not request.options.raw:
            raise Refusal("options.raw must be set: there is no picture")
        self._field = Battlefield(self._seed, self._faults)
        self.status = IN_GAME
        return sc2api_pb2.ResponseJoinGame(player_id=1)

    def _leave_game(self, request) -> sc2api_pb2.ResponseLeaveGame:
        self._field = None
        self.status = LAUNCHED
        return sc2api_pb2.ResponseLeaveGame()

    def _game_info(self, request) -> sc2api_pb2.ResponseGameInfo:
        info = sc2api_pb2.ResponseGameInfo(map_name="double")
        info.start_raw.map_size.CopyFrom(common_pb2.Size2DI(x=self._size[0], y=self._size[1]))
        return info

    def _data(self, request) -> sc2api_pb2.ResponseData:
        first = self._faults.first_rl_id
        names = {
            int(number): name.capitalize() for name, number in zip(UNIT_NAMES, unit_table()["game_id"], strict=True)
        }
        if not self._faults.is_nameless:
            names |= {first + place: rl_name(unit) for place, unit in enumerate(RL_CATALOGUE)}
        return sc2api_pb2.ResponseData(
            units=[
                data_pb2.UnitTypeData(
                    unit_id=number, name=names.get(number, ""), weapons=[data_pb2.Weapon(damage=6, attacks=1)]
                )
                for number in range(first + len(RL_CATALOGUE))
            ]
        )

    def _observation(self, request) -> sc2api_pb2.ResponseObservation:
        response = sc2api_pb2.ResponseObservation()
        response.observation.game_loop = self._field.loop
        response.observation.player_common.player_id = 1
        response.observation.raw_data.units.extend(self._field.units())
        response.observation.raw_data.SetInParent()
        return response

    def _step(self, request) -> sc2api_pb2.ResponseStep:
        self._field.step(request.count)
        return sc2api_pb2.ResponseStep(simulation_loop=self._field.loop)

    def _action(self, request) -> sc2api_pb2.ResponseAction:
        return sc2api_pb2.ResponseAction(
            result=self._field.command([action.action_raw.unit_command for action in request.actions])
        )

    def _debug(self, request) -> sc2api_pb2.ResponseDebug:
        for command in request.debug:
            name = command.WhichOneof("command")
            getattr(self._field, f"debug_{name}")(getattr(command, name))
        return sc2api_pb2.ResponseDebug()
